/* print_query.c — patterns, clauses and statements as canonical Cypher, on one line. */
#include "cypher/parse/print_priv.h"

/* ---- Patterns ---------------------------------------------------------------------------------------------------------- */

/* The inside of ( ) or [ ], range aside. */
static sb_status print_head(sb_buffer *out, sb_bytes name, const sb_label_expr *labels)
{
    if (name.data != NULL) SB_TRY(sb_parse__print_variable(out, name));
    if (labels == NULL) return SB_OK;
    SB_TRY(sb_buffer_append_byte(out, ':'));
    return sb_label_expr_print(labels, out);
}

static sb_status print_tail(sb_buffer *out, bool space, const sb_expr *props, const sb_expr *where)
{
    SB_TRY(sb_parse__print_optional(out, space ? " " : "", props));
    return sb_parse__print_optional(out, space || props != NULL ? " WHERE " : "WHERE ", where);
}

static sb_status print_node(sb_buffer *out, const sb_node_pattern *node)
{
    const bool space = node->name.data != NULL || node->labels != NULL;

    SB_TRY(sb_buffer_append_byte(out, '('));
    SB_TRY(print_head(out, node->name, node->labels));
    SB_TRY(print_tail(out, space, node->props, node->where));
    return sb_buffer_append_byte(out, ')');
}

static sb_status print_range(sb_buffer *out, const sb_rel_pattern *rel)
{
    SB_TRY(sb_buffer_append_byte(out, '*'));
    if (rel->min == 1 && rel->max == UINT32_MAX) return SB_OK;
    SB_TRY(sb_buffer_printf(out, "%u", (unsigned)rel->min));
    if (rel->min == rel->max) return SB_OK;
    SB_TRY(sb_parse__print_text(out, ".."));
    return rel->max == UINT32_MAX ? SB_OK : sb_buffer_printf(out, "%u", (unsigned)rel->max);
}

static sb_status print_rel(sb_buffer *out, const sb_rel_pattern *rel)
{
    const bool head = rel->name.data != NULL || rel->types != NULL || rel->variable;

    SB_TRY(sb_parse__print_text(out, rel->direction == SB_REL_IN ? "<-" : "-"));
    if (head || rel->props != NULL || rel->where != NULL) {
        SB_TRY(sb_buffer_append_byte(out, '['));
        SB_TRY(print_head(out, rel->name, rel->types));
        if (rel->variable) SB_TRY(print_range(out, rel));
        SB_TRY(print_tail(out, head, rel->props, rel->where));
        SB_TRY(sb_buffer_append_byte(out, ']'));
    }
    return sb_parse__print_text(out, rel->direction == SB_REL_OUT ? "->" : "-");
}

static sb_status print_chain(sb_buffer *out, const sb_pattern_part *part);

static sb_status print_quantified(sb_buffer *out, const sb_quantified *quantified)
{
    SB_TRY(sb_buffer_append_byte(out, '('));
    SB_TRY(print_chain(out, quantified->part));
    SB_TRY(sb_parse__print_optional(out, " WHERE ", quantified->where));
    SB_TRY(sb_buffer_printf(out, "){%u,", (unsigned)quantified->min));
    if (quantified->max != UINT32_MAX)
        SB_TRY(sb_buffer_printf(out, "%u", (unsigned)quantified->max));
    return sb_buffer_append_byte(out, '}');
}

static sb_status print_chain(sb_buffer *out, const sb_pattern_part *part)
{
    SB_TRY(print_node(out, part->start));
    for (uint32_t i = 0; i < part->step_count; i++) {
        const sb_step *step = &part->steps[i];
        SB_TRY(step->rel != NULL ? print_rel(out, step->rel)
                                 : print_quantified(out, step->quantified));
        SB_TRY(print_node(out, step->node));
    }
    return SB_OK;
}

static sb_status print_selector(sb_buffer *out, const sb_pattern_part *part)
{
    switch (part->selector) {
    case SB_PATHS_ALL: return SB_OK;
    case SB_PATHS_SHORTEST: return sb_parse__print_text(out, "ANY SHORTEST ");
    case SB_PATHS_ALL_SHORTEST: return sb_parse__print_text(out, "ALL SHORTEST ");
    case SB_PATHS_SHORTEST_K:
        return sb_buffer_printf(out, "SHORTEST %llu ", (unsigned long long)part->selector_count);
    case SB_PATHS_SHORTEST_GROUPS:
        return sb_buffer_printf(out, "SHORTEST %llu GROUPS ",
                                (unsigned long long)part->selector_count);
    case SB_PATHS_ANY: break;
    }
    return sb_buffer_printf(out, "ANY %llu ", (unsigned long long)part->selector_count);
}

sb_status sb_pattern_part_print(const sb_pattern_part *part, sb_buffer *out)
{
    if (part->name.data != NULL) {
        SB_TRY(sb_parse__print_variable(out, part->name));
        SB_TRY(sb_parse__print_text(out, " = "));
    }
    if (part->selector_is_function) {
        SB_TRY(sb_parse__print_text(
            out, part->selector == SB_PATHS_SHORTEST ? "shortestPath(" : "allShortestPaths("));
        SB_TRY(print_chain(out, part));
        return sb_buffer_append_byte(out, ')');
    }
    SB_TRY(print_selector(out, part));
    if (part->where == NULL) return print_chain(out, part);
    SB_TRY(sb_buffer_append_byte(out, '('));
    SB_TRY(print_chain(out, part));
    SB_TRY(sb_parse__print_optional(out, " WHERE ", part->where));
    return sb_buffer_append_byte(out, ')');
}

static sb_status print_pattern(sb_buffer *out, const char *before, const sb_pattern *pattern)
{
    SB_TRY(sb_parse__print_text(out, before));
    for (uint32_t i = 0; i < pattern->part_count; i++) {
        if (i != 0) SB_TRY(sb_parse__print_text(out, ", "));
        SB_TRY(sb_pattern_part_print(pattern->parts[i], out));
    }
    return SB_OK;
}

/* ---- Parts of clauses ------------------------------------------------------------------------------------------------------ */

static sb_status print_exprs(sb_buffer *out, sb_expr **items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(sb_parse__print_optional(out, i == 0 ? "" : ", ", items[i]));
    return SB_OK;
}

static sb_status print_label_list(sb_buffer *out, const sb_set_item *item)
{
    for (uint32_t i = 0; i < item->label_count; i++) {
        SB_TRY(sb_buffer_append_byte(out, ':'));
        SB_TRY(sb_lex_print_name(item->labels[i], out));
    }
    for (uint32_t i = 0; item->value != NULL && i < item->value->arg_count; i++) {
        SB_TRY(sb_parse__print_optional(out, ":$(", item->value->args[i]));
        SB_TRY(sb_buffer_append_byte(out, ')'));
    }
    return SB_OK;
}

/* What is before '=' when the whole entity is set: n.key in parentheses is one. */
static sb_status print_replaced(sb_buffer *out, const sb_expr *target)
{
    const bool place = target->kind == SB_EXPR_PROPERTY || target->kind == SB_EXPR_INDEX;

    return sb_parse__print_expr(out, target, place ? SB_PRINT_POSTFIX + 1 : SB_PRINT_POSTFIX);
}

static sb_status print_set_item(sb_buffer *out, const sb_set_item *item)
{
    if (item->kind == SB_SET_REPLACE) {
        SB_TRY(print_replaced(out, item->target));
        return sb_parse__print_optional(out, " = ", item->value);
    }
    SB_TRY(sb_parse__print_expr(out, item->target, SB_PRINT_POSTFIX));
    switch (item->kind) {
    case SB_SET_LABELS: return print_label_list(out, item);
    case SB_SET_MERGE: return sb_parse__print_optional(out, " += ", item->value);
    case SB_SET_PROPERTY:
        SB_TRY(sb_buffer_append_byte(out, '.'));
        SB_TRY(sb_lex_print_name(item->key, out));
        break;
    case SB_SET_DYNAMIC:
        SB_TRY(sb_parse__print_optional(out, "[", item->key_expr));
        SB_TRY(sb_buffer_append_byte(out, ']'));
        break;
    case SB_SET_REPLACE: break;
    }
    return sb_parse__print_optional(out, " = ", item->value);
}

static sb_status print_set(sb_buffer *out, const char *before, const sb_set_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        SB_TRY(sb_parse__print_text(out, i == 0 ? before : ", "));
        SB_TRY(print_set_item(out, &list->items[i]));
    }
    return SB_OK;
}

static sb_status print_named(sb_buffer *out, const char *before, sb_bytes name)
{
    SB_TRY(sb_parse__print_text(out, before));
    return sb_parse__print_variable(out, name);
}

static sb_status print_items(sb_buffer *out, const sb_projection *projection)
{
    if (projection->star) SB_TRY(sb_buffer_append_byte(out, '*'));
    for (uint32_t i = projection->star_count; i < projection->item_count; i++) {
        const sb_projection_item *item = &projection->items[i];
        const bool first = i == projection->star_count && !projection->star;
        SB_TRY(sb_parse__print_optional(out, first ? "" : ", ", item->expr));
        if (item->aliased) SB_TRY(print_named(out, " AS ", item->name));
    }
    return SB_OK;
}

/* ORDER BY and what follows it. */
static sb_status print_rest(sb_buffer *out, const sb_projection *projection)
{
    for (uint32_t i = 0; i < projection->order_count; i++) {
        SB_TRY(
            sb_parse__print_optional(out, i == 0 ? " ORDER BY " : ", ", projection->order[i].expr));
        if (projection->order[i].descending) SB_TRY(sb_parse__print_text(out, " DESC"));
    }
    SB_TRY(sb_parse__print_optional(out, " SKIP ", projection->skip));
    SB_TRY(sb_parse__print_optional(out, " LIMIT ", projection->limit));
    return sb_parse__print_optional(out, " WHERE ", projection->where);
}

static sb_status print_projection(sb_buffer *out, const char *before,
                                  const sb_projection *projection)
{
    SB_TRY(sb_parse__print_text(out, before));
    if (projection->distinct) SB_TRY(sb_parse__print_text(out, "DISTINCT "));
    SB_TRY(print_items(out, projection));
    return print_rest(out, projection);
}

static sb_status print_yield(sb_buffer *out, bool star, const sb_yield_item *items, uint32_t count)
{
    SB_TRY(sb_parse__print_text(out, star ? " YIELD *" : count == 0 ? " YIELD -" : " YIELD "));
    for (uint32_t i = 0; i < count; i++) {
        if (i != 0) SB_TRY(sb_parse__print_text(out, ", "));
        SB_TRY(sb_lex_print_name(items[i].field, out));
        if (!sb_bytes_equal(items[i].field, items[i].name))
            SB_TRY(print_named(out, " AS ", items[i].name));
    }
    return SB_OK;
}

/* ---- Clauses --------------------------------------------------------------------------------------------------------------- */

static sb_status print_clause(sb_buffer *out, const sb_clause *clause);

static sb_status print_hint(sb_buffer *out, const sb_hint *hint)
{
    static const char *const begin[] = {" USING INDEX ", " USING SCAN ", " USING JOIN ON "};

    for (uint32_t i = 0; i < hint->name_count; i++)
        SB_TRY(print_named(out, i == 0 ? begin[hint->kind] : ", ", hint->names[i]));
    if (hint->labels != NULL) {
        SB_TRY(sb_buffer_append_byte(out, ':'));
        SB_TRY(sb_label_expr_print(hint->labels, out));
    }
    for (uint32_t i = 0; i < hint->key_count; i++)
        SB_TRY(print_named(out, i == 0 ? "(" : ", ", hint->keys[i]));
    return hint->key_count == 0 ? SB_OK : sb_buffer_append_byte(out, ')');
}

static sb_status print_match(sb_buffer *out, const sb_clause *clause)
{
    SB_TRY(sb_parse__print_text(out, clause->as.match.optional ? "OPTIONAL MATCH " : "MATCH "));
    SB_TRY(print_pattern(out, clause->as.match.pattern.repeatable ? "REPEATABLE ELEMENTS " : "",
                         &clause->as.match.pattern));
    for (uint32_t i = 0; i < clause->as.match.pattern.hint_count; i++)
        SB_TRY(print_hint(out, &clause->as.match.pattern.hints[i]));
    return sb_parse__print_optional(out, " WHERE ", clause->as.match.where);
}

static sb_status print_merge(sb_buffer *out, const sb_clause *clause)
{
    SB_TRY(sb_parse__print_text(out, "MERGE "));
    SB_TRY(sb_pattern_part_print(clause->as.merge.part, out));
    SB_TRY(print_set(out, " ON CREATE SET ", &clause->as.merge.on_create));
    return print_set(out, " ON MATCH SET ", &clause->as.merge.on_match);
}

static sb_status print_foreach(sb_buffer *out, const sb_clause *clause)
{
    SB_TRY(print_named(out, "FOREACH (", clause->as.foreach.name));
    SB_TRY(sb_parse__print_optional(out, " IN ", clause->as.foreach.list));
    SB_TRY(sb_parse__print_text(out, " |"));
    for (uint32_t i = 0; i < clause->as.foreach.count; i++) {
        SB_TRY(sb_buffer_append_byte(out, ' '));
        SB_TRY(print_clause(out, clause->as.foreach.clauses[i]));
    }
    return sb_buffer_append_byte(out, ')');
}

static sb_status print_call(sb_buffer *out, const sb_clause *clause)
{
    SB_TRY(sb_parse__print_text(out, "CALL "));
    SB_TRY(sb_parse__print_dotted(out, clause->as.call.name));
    if (clause->as.call.has_args) {
        SB_TRY(sb_buffer_append_byte(out, '('));
        SB_TRY(print_exprs(out, clause->as.call.args, clause->as.call.arg_count));
        SB_TRY(sb_buffer_append_byte(out, ')'));
    }
    if (clause->as.call.yields)
        SB_TRY(print_yield(out, clause->as.call.yield_star, clause->as.call.items,
                           clause->as.call.item_count));
    return sb_parse__print_optional(out, " WHERE ", clause->as.call.where);
}

static sb_status print_imports(sb_buffer *out, const sb_clause *clause)
{
    if (!clause->as.subquery.imports_listed) return SB_OK;
    SB_TRY(sb_parse__print_text(out, clause->as.subquery.imports_all ? "(*" : "("));
    for (uint32_t i = 0; i < clause->as.subquery.import_count; i++)
        SB_TRY(print_named(out, i == 0 ? "" : ", ", clause->as.subquery.imports[i]));
    return sb_parse__print_text(out, ") ");
}

static sb_status print_in_transactions(sb_buffer *out, const sb_clause *clause)
{
    static const char *const on_error[] = {"", " ON ERROR CONTINUE", " ON ERROR BREAK"};

    SB_TRY(sb_parse__print_text(out, " IN "));
    if (clause->as.subquery.concurrent != NULL) {
        SB_TRY(sb_expr_print(clause->as.subquery.concurrent, out));
        SB_TRY(sb_parse__print_text(out, " CONCURRENT "));
    }
    SB_TRY(sb_parse__print_text(out, "TRANSACTIONS"));
    if (clause->as.subquery.batch_rows != NULL) {
        SB_TRY(sb_parse__print_optional(out, " OF ", clause->as.subquery.batch_rows));
        SB_TRY(sb_parse__print_text(out, " ROWS"));
    }
    SB_TRY(sb_parse__print_text(out, on_error[clause->as.subquery.on_error]));
    if (clause->as.subquery.status_name.data == NULL) return SB_OK;
    return print_named(out, " REPORT STATUS AS ", clause->as.subquery.status_name);
}

static sb_status print_subquery(sb_buffer *out, const sb_clause *clause)
{
    SB_TRY(sb_parse__print_text(out, clause->as.subquery.optional ? "OPTIONAL CALL " : "CALL "));
    SB_TRY(print_imports(out, clause));
    SB_TRY(sb_parse__print_text(out, "{ "));
    SB_TRY(sb_parse__print_query(out, clause->as.subquery.query));
    SB_TRY(sb_parse__print_text(out, " }"));
    if (!clause->as.subquery.in_transactions) return SB_OK;
    return print_in_transactions(out, clause);
}

static sb_status print_load_csv(sb_buffer *out, const sb_clause *clause)
{
    SB_TRY(sb_parse__print_text(out, clause->as.load_csv.headers ? "LOAD CSV WITH HEADERS FROM "
                                                                 : "LOAD CSV FROM "));
    SB_TRY(sb_expr_print(clause->as.load_csv.url, out));
    SB_TRY(print_named(out, " AS ", clause->as.load_csv.name));
    return sb_parse__print_optional(out, " FIELDTERMINATOR ", clause->as.load_csv.delimiter);
}

static sb_status print_clause(sb_buffer *out, const sb_clause *clause)
{
    switch (clause->kind) {
    case SB_CLAUSE_MATCH: return print_match(out, clause);
    case SB_CLAUSE_UNWIND:
        SB_TRY(sb_parse__print_optional(out, "UNWIND ", clause->as.unwind.list));
        return print_named(out, " AS ", clause->as.unwind.name);
    case SB_CLAUSE_WITH: return print_projection(out, "WITH ", &clause->as.projection);
    case SB_CLAUSE_RETURN: return print_projection(out, "RETURN ", &clause->as.projection);
    case SB_CLAUSE_FINISH: return sb_parse__print_text(out, "FINISH");
    case SB_CLAUSE_CREATE: return print_pattern(out, "CREATE ", &clause->as.create.pattern);
    case SB_CLAUSE_MERGE: return print_merge(out, clause);
    case SB_CLAUSE_SET: return print_set(out, "SET ", &clause->as.set);
    case SB_CLAUSE_REMOVE: return print_set(out, "REMOVE ", &clause->as.set);
    case SB_CLAUSE_DELETE:
        SB_TRY(sb_parse__print_text(out, clause->as.delete_.detach ? "DETACH DELETE " : "DELETE "));
        return print_exprs(out, clause->as.delete_.entities, clause->as.delete_.count);
    case SB_CLAUSE_FOREACH: return print_foreach(out, clause);
    case SB_CLAUSE_CALL: return print_call(out, clause);
    case SB_CLAUSE_SUBQUERY: return print_subquery(out, clause);
    case SB_CLAUSE_LOAD_CSV: return print_load_csv(out, clause);
    }
    return SB_OK;
}

sb_status sb_parse__print_query(sb_buffer *out, const sb_query *query)
{
    for (uint32_t i = 0; i < query->part_count; i++) {
        if (i != 0) SB_TRY(sb_parse__print_text(out, query->union_all ? " UNION ALL " : " UNION "));
        for (uint32_t k = 0; k < query->parts[i]->count; k++) {
            if (k != 0) SB_TRY(sb_buffer_append_byte(out, ' '));
            SB_TRY(print_clause(out, query->parts[i]->clauses[k]));
        }
    }
    return SB_OK;
}

/* ---- Commands --------------------------------------------------------------------------------------------------------------- */

/* Names of indexes and constraints: any keyword in backquotes, for IF, FOR and ON would go on the command. */
static sb_status print_schema_name(sb_buffer *out, sb_bytes name)
{
    if (sb_keyword_find(name) == SB_NO_KEYWORD) return sb_lex_print_name(name, out);
    return sb_buffer_printf(out, "`%.*s`", (int)name.size, (const char *)name.data);
}

/* (n:Label) with n called `e` whatever its name was. */
static sb_status print_entity(sb_buffer *out, const sb_statement *statement)
{
    SB_TRY(sb_parse__print_text(out, statement->schema.on_rels ? "()-[e:" : "(e:"));
    SB_TRY(sb_lex_print_name(statement->schema.entity, out));
    return sb_parse__print_text(out, statement->schema.on_rels ? "]-()" : ")");
}

static sb_status print_keys(sb_buffer *out, const sb_statement *statement)
{
    SB_TRY(sb_buffer_append_byte(out, '('));
    for (uint32_t i = 0; i < statement->schema.key_count; i++) {
        SB_TRY(sb_parse__print_text(out, i == 0 ? "e." : ", e."));
        SB_TRY(sb_lex_print_name(statement->schema.keys[i], out));
    }
    return sb_buffer_append_byte(out, ')');
}

static sb_status print_create_head(sb_buffer *out, const char *before,
                                   const sb_statement *statement)
{
    SB_TRY(sb_parse__print_text(out, before));
    if (statement->schema.name.data != NULL) {
        SB_TRY(print_schema_name(out, statement->schema.name));
        SB_TRY(sb_buffer_append_byte(out, ' '));
    }
    if (statement->schema.if_not_exists) SB_TRY(sb_parse__print_text(out, "IF NOT EXISTS "));
    SB_TRY(sb_parse__print_text(out, "FOR "));
    return print_entity(out, statement);
}

static sb_status print_requirement(sb_buffer *out, const sb_statement *statement)
{
    SB_TRY(print_keys(out, statement));
    switch (statement->schema.constraint) {
    case SB_CONSTRAINT_UNIQUE: return sb_parse__print_text(out, " IS UNIQUE");
    case SB_CONSTRAINT_KEY:
        return sb_parse__print_text(out, statement->schema.on_rels ? " IS RELATIONSHIP KEY"
                                                                   : " IS NODE KEY");
    case SB_CONSTRAINT_EXISTS: return sb_parse__print_text(out, " IS NOT NULL");
    case SB_CONSTRAINT_TYPED: break;
    }
    SB_TRY(sb_parse__print_text(out, " IS :: "));
    return sb_parse__print_type(out, statement->schema.type);
}

static sb_status print_drop(sb_buffer *out, const char *before, const sb_statement *statement)
{
    SB_TRY(sb_parse__print_text(out, before));
    SB_TRY(print_schema_name(out, statement->schema.name));
    return statement->schema.if_exists ? sb_parse__print_text(out, " IF EXISTS") : SB_OK;
}

/* DROP INDEX ON :Label(key) */
/* ON :Label(key, …), or of the index of a label's nodes ON :Label */
static sb_status print_old_index(sb_buffer *out, const char *before, const sb_statement *statement)
{
    SB_TRY(sb_parse__print_text(out, before));
    SB_TRY(sb_lex_print_name(statement->schema.entity, out));
    for (uint32_t i = 0; i < statement->schema.key_count; i++) {
        SB_TRY(sb_parse__print_text(out, i == 0 ? "(" : ", "));
        SB_TRY(sb_lex_print_name(statement->schema.keys[i], out));
    }
    return statement->schema.key_count == 0 ? SB_OK : sb_buffer_append_byte(out, ')');
}

static sb_status print_show(sb_buffer *out, const sb_statement *statement)
{
    static const char *const texts[] = {"INDEXES", "CONSTRAINTS", "FUNCTIONS", "PROCEDURES"};
    const sb_constraint_kind constraint = statement->show.constraint;

    SB_TRY(sb_parse__print_text(out, constraint == SB_CONSTRAINT_UNIQUE ? "SHOW UNIQUE "
                                     : constraint == SB_CONSTRAINT_KEY  ? "SHOW KEY "
                                                                        : "SHOW "));
    SB_TRY(sb_parse__print_text(out, texts[statement->show.what]));
    if (statement->show.yields)
        SB_TRY(print_yield(out, statement->show.yield_star, statement->show.items,
                           statement->show.item_count));
    if (statement->show.order != NULL) SB_TRY(print_rest(out, statement->show.order));
    SB_TRY(sb_parse__print_optional(out, " WHERE ", statement->show.where));
    if (statement->show.returns == NULL) return SB_OK;
    return print_projection(out, " RETURN ", statement->show.returns);
}

static sb_status print_explained(sb_buffer *out, const sb_statement *statement)
{
    if (statement->explain != SB_EXPLAIN_NO) {
        SB_TRY(sb_parse__print_text(out, statement->explain == SB_EXPLAIN_PLAN ? "EXPLAIN "
                                                                               : "PROFILE "));
        if (statement->explain_json) SB_TRY(sb_parse__print_text(out, "JSON "));
    }
    return sb_parse__print_query(out, statement->query);
}

sb_status sb_statement_print(const sb_statement *statement, sb_buffer *out)
{
    switch (statement->kind) {
    case SB_STATEMENT_QUERY: return print_explained(out, statement);
    case SB_STATEMENT_CREATE_INDEX:
        if (statement->schema.key_count == 0)
            return print_old_index(out, "CREATE INDEX ON :", statement);
        SB_TRY(print_create_head(
            out, statement->schema.text_index ? "CREATE TEXT INDEX " : "CREATE INDEX ", statement));
        SB_TRY(sb_parse__print_text(out, " ON "));
        return print_keys(out, statement);
    case SB_STATEMENT_DROP_INDEX:
        if (statement->schema.name.data == NULL)
            return print_old_index(out, "DROP INDEX ON :", statement);
        return print_drop(out, "DROP INDEX ", statement);
    case SB_STATEMENT_CREATE_CONSTRAINT:
        SB_TRY(print_create_head(out, "CREATE CONSTRAINT ", statement));
        SB_TRY(sb_parse__print_text(out, " REQUIRE "));
        return print_requirement(out, statement);
    case SB_STATEMENT_DROP_CONSTRAINT:
        if (statement->schema.name.data != NULL)
            return print_drop(out, "DROP CONSTRAINT ", statement);
        SB_TRY(sb_parse__print_text(out, "DROP CONSTRAINT ON "));
        SB_TRY(print_entity(out, statement));
        SB_TRY(sb_parse__print_text(out, " ASSERT "));
        return print_requirement(out, statement);
    case SB_STATEMENT_SHOW: return print_show(out, statement);
    case SB_STATEMENT_BEGIN: return sb_parse__print_text(out, "BEGIN");
    case SB_STATEMENT_COMMIT: return sb_parse__print_text(out, "COMMIT");
    case SB_STATEMENT_ROLLBACK: return sb_parse__print_text(out, "ROLLBACK");
    }
    return SB_OK;
}
