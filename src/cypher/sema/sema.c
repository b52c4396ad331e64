/* sema.c — queries and statements: parts in order, UNION, columns, SHOW. */
#include "cypher/sema/sema.h"

#include "cypher/sema/sema_priv.h"

/* ---- Parts ------------------------------------------------------------------------------------------------------------- */

/* What CALL { WITH a, b …: takes from outside. */
static sb_status import_var(sb_sema *s, sb_var *var)
{
    /* Full at 0 and at each power of two. */
    if ((s->import_count & (s->import_count - 1)) == 0) {
        sb_var **vars;
        const uint32_t room = s->import_count == 0 ? 1 : s->import_count * 2;
        SB_TRY(sb_sema__alloc(s, room * sizeof(sb_var *), &vars));
        if (s->import_count != 0) memcpy(vars, s->imports, s->import_count * sizeof(sb_var *));
        s->imports = vars;
    }
    s->imports[s->import_count++] = var;
    return sb_sema__find_own(s, var->name) == NULL ? sb_sema__bind(s, var) : SB_OK;
}

static sb_status import_star(sb_sema *s)
{
    sb_var **vars;
    uint32_t count;

    SB_TRY(sb_sema__list(s, s->imported, true, &vars, &count));
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(import_var(s, vars[i]));
    return SB_OK;
}

/* Plain variables of a WITH at the beginning of a part are those of the outer query, where CALL says nothing else. */
static sb_status import_for_part(sb_sema *s, const sb_single_query *part)
{
    if (s->imported == NULL || part->clauses[0]->kind != SB_CLAUSE_WITH) return SB_OK;
    const sb_projection *with = &part->clauses[0]->as.projection;
    if (with->star) SB_TRY(import_star(s));
    for (uint32_t i = 0; i < with->item_count; i++) {
        const sb_projection_item *item = &with->items[i];
        if (item->aliased || item->expr->kind != SB_EXPR_VAR) continue;
        sb_var *var = sb_sema__find_from(s, s->imported, item->name);
        if (var != NULL) SB_TRY(import_var(s, var));
    }
    return SB_OK;
}

/* May a query end with this clause? */
static sb_status check_end(sb_sema *s, const sb_clause *last, sb_query_use use)
{
    switch (last->kind) {
    case SB_CLAUSE_MATCH:
    case SB_CLAUSE_UNWIND:
    case SB_CLAUSE_WITH:
    case SB_CLAUSE_LOAD_CSV:
        if (use == SB_QUERY_TEST && last->kind != SB_CLAUSE_LOAD_CSV) return SB_OK;
        return SB_SEMA_FAIL(s, last->span, SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
                            "a query does not end with this clause: RETURN is missing");
    case SB_CLAUSE_RETURN:
    case SB_CLAUSE_FINISH:
    case SB_CLAUSE_CREATE:
    case SB_CLAUSE_MERGE:
    case SB_CLAUSE_SET:
    case SB_CLAUSE_REMOVE:
    case SB_CLAUSE_DELETE:
    case SB_CLAUSE_FOREACH:
    case SB_CLAUSE_CALL:
    case SB_CLAUSE_SUBQUERY: return SB_OK;
    }
    return SB_OK;
}

/* Columns of one part: arena. */
typedef struct columns {
    sb_var **vars;
    uint32_t count;
} columns;

static sb_status list_columns(sb_sema *s, const sb_clause *last, columns *out)
{
    *out = (columns){0};
    if (last->kind == SB_CLAUSE_RETURN) {
        const sb_projection *projection = &last->as.projection;
        SB_TRY(sb_sema__alloc(s, projection->item_count * sizeof(sb_var *), &out->vars));
        for (uint32_t i = 0; i < projection->item_count; i++)
            out->vars[out->count++] = projection->items[i].var;
    } else if (last->kind == SB_CLAUSE_CALL && last->as.call.standalone) {
        SB_TRY(sb_sema__alloc(s, last->as.call.item_count * sizeof(sb_var *), &out->vars));
        for (uint32_t i = 0; i < last->as.call.item_count; i++)
            out->vars[out->count++] = last->as.call.items[i].var;
    }
    return SB_OK;
}

static sb_status analyze_part(sb_sema *s, sb_query *query, const sb_single_query *part,
                              sb_query_use use, columns *out)
{
    sb_frame frame;

    sb_sema__push(s, &frame, false);
    SB_TRY(import_for_part(s, part));
    /* What is imported is for this query, not for those in it. */
    const sb_frame *imported = s->imported;
    s->imported = NULL;
    for (uint32_t i = 0; i < part->count; i++)
        SB_TRY(sb_sema__clause(s, part->clauses[i], &query->writes));
    s->imported = imported;
    SB_TRY(check_end(s, part->clauses[part->count - 1], use));
    SB_TRY(list_columns(s, part->clauses[part->count - 1], out));
    sb_sema__pop(s);
    return SB_OK;
}

/* ---- Queries ------------------------------------------------------------------------------------------------------------- */

/* All parts of a UNION have the same columns. */
static sb_status check_same_columns(sb_sema *s, const sb_single_query *part, const columns *first,
                                    const columns *other)
{
    bool same = first->count == other->count;

    for (uint32_t i = 0; i < first->count && same; i++)
        same = sb_bytes_equal(first->vars[i]->name, other->vars[i]->name);
    if (same) return SB_OK;
    return SB_SEMA_FAIL(s, part->clauses[part->count - 1]->span,
                        SB_CYPHER_DIFFERENT_COLUMNS_IN_UNION,
                        "the parts of a UNION return columns of the same names in the same order");
}

/* Columns of a UNION are variables of their own, which hold what any part may give. */
static sb_status unite_columns(sb_sema *s, const columns *part, columns *all)
{
    for (uint32_t i = 0; i < part->count; i++) {
        const sb_var *var = part->vars[i];
        if (all->count == i) {
            SB_TRY(sb_sema__make_var(s, var->name, var->span, 0, &all->vars[i]));
            all->vars[i]->items = 0;
            all->count++;
        }
        all->vars[i]->kinds |= var->kinds;
        all->vars[i]->items |= var->items;
        all->vars[i]->nullable = all->vars[i]->nullable || var->nullable;
    }
    return SB_OK;
}

static sb_status analyze_parts(sb_sema *s, sb_query *query, sb_query_use use, columns *result)
{
    columns first = {0};
    columns united = {0};

    for (uint32_t i = 0; i < query->part_count; i++) {
        columns part;
        SB_TRY(analyze_part(s, query, query->parts[i], use, &part));
        if (i == 0) {
            first = part;
            if (query->part_count > 1)
                SB_TRY(sb_sema__alloc(s, part.count * sizeof(sb_var *), &united.vars));
        } else {
            SB_TRY(check_same_columns(s, query->parts[i], &first, &part));
        }
        if (query->part_count > 1) SB_TRY(unite_columns(s, &part, &united));
    }
    *result = query->part_count > 1 ? united : first;
    return SB_OK;
}

sb_status sb_sema__query(sb_sema *s, sb_query *query, sb_query_use use)
{
    columns result = {0};

    if (use != SB_QUERY_WHOLE) s->nesting++;
    SB_TRY(analyze_parts(s, query, use, &result));
    if (use != SB_QUERY_WHOLE) s->nesting--;
    if (use == SB_QUERY_COLLECT && result.count != 1)
        return SB_SEMA_FAIL(s, query->span, SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
                            "COLLECT { } takes a query that returns one column");
    query->columns = result.vars;
    query->column_count = result.count;
    return SB_OK;
}

/* ---- SHOW ------------------------------------------------------------------------------------------------------------------ */

static const char *const SHOW_PROCEDURES[] = {"show.indexes", "show.constraints", "show.functions",
                                              "show.procedures"};

static sb_status make_clause(sb_sema *s, const sb_statement *statement, sb_clause_kind kind,
                             sb_clause **clause)
{
    SB_TRY(sb_sema__alloc(s, sizeof **clause, clause));
    (*clause)->kind = kind;
    (*clause)->span = (sb_span){0, (uint32_t)statement->text.size};
    return SB_OK;
}

/* SHOW UNIQUE CONSTRAINTS is CALL show.constraints('UNIQUENESS'). */
static sb_status make_show_argument(sb_sema *s, const sb_statement *statement, sb_clause *call)
{
    const char *type =
        statement->show.constraint == SB_CONSTRAINT_UNIQUE ? "UNIQUENESS" : "NODE_KEY";
    sb_expr *e;

    if (statement->show.constraint == 0) return SB_OK;
    SB_TRY(sb_sema__alloc(s, sizeof *e, &e));
    e->kind = SB_EXPR_STRING;
    e->name = sb_bytes_of(type, strlen(type));
    e->span = call->span;
    e->depth = e->weight = 1;
    SB_TRY(sb_sema__alloc(s, sizeof(sb_expr *), &call->as.call.args));
    call->as.call.args[call->as.call.arg_count++] = e;
    return SB_OK;
}

/* A column of RETURN for each of what is yielded, in that order: RETURN * would sort them by name. */
static sb_status make_show_items(sb_sema *s, const sb_clause *call, sb_projection *projection)
{
    const bool star = call->as.call.yield_star;
    const sb_procedure *procedure = s->env == NULL || s->env->find_procedure == NULL
                                        ? NULL
                                        : s->env->find_procedure(s->env->ctx, call->as.call.name);
    sb_projection_item *item;

    if (star && procedure == NULL) return SB_OK; /* CALL will tell */
    projection->item_count = star ? procedure->result_count : call->as.call.item_count;
    SB_TRY(sb_sema__alloc(s, projection->item_count * sizeof *item, &projection->items));
    for (uint32_t i = 0; i < projection->item_count; i++) {
        item = &projection->items[i];
        item->name = star ? procedure->results[i].name : call->as.call.items[i].name;
        item->span = call->span;
        SB_TRY(sb_sema__alloc(s, sizeof *item->expr, &item->expr));
        item->expr->kind = SB_EXPR_VAR;
        item->expr->name = item->name;
        item->expr->span = call->span;
        item->expr->depth = item->expr->weight = 1;
    }
    return SB_OK;
}

/* ORDER BY and its like behind YIELD are a WITH *, and a RETURN where none is written. */
static sb_status make_show_order(sb_sema *s, const sb_statement *statement, const sb_clause *call,
                                 sb_single_query *part)
{
    sb_clause *with, *returns;

    if (statement->show.order == NULL) return SB_OK;
    SB_TRY(make_clause(s, statement, SB_CLAUSE_WITH, &with));
    with->as.projection = *statement->show.order;
    part->clauses[part->count++] = with;
    if (statement->show.returns != NULL) return SB_OK;
    SB_TRY(make_clause(s, statement, SB_CLAUSE_RETURN, &returns));
    part->clauses[part->count++] = returns;
    return make_show_items(s, call, &returns->as.projection);
}

/* SHOW INDEXES YIELD … WHERE … RETURN … is CALL show.indexes() YIELD … WHERE … RETURN …; without RETURN it is the whole statement. */
static sb_status make_show_query(sb_sema *s, sb_statement *statement)
{
    const char *name = SHOW_PROCEDURES[statement->show.what];
    const bool returns = statement->show.returns != NULL;
    sb_single_query *part;
    sb_clause *call;

    SB_TRY(make_clause(s, statement, SB_CLAUSE_CALL, &call));
    call->as.call.name = sb_bytes_of(name, strlen(name));
    call->as.call.has_args = true;
    SB_TRY(make_show_argument(s, statement, call));
    call->as.call.yields = statement->show.yields;
    call->as.call.yield_star = statement->show.yield_star;
    call->as.call.items = statement->show.items;
    call->as.call.item_count = statement->show.item_count;
    call->as.call.where = statement->show.where;
    call->as.call.standalone = true;
    SB_TRY(sb_sema__alloc(s, sizeof *part, &part));
    SB_TRY(sb_sema__alloc(s, 3 * sizeof(sb_clause *), &part->clauses));
    part->clauses[part->count++] = call;
    SB_TRY(make_show_order(s, statement, call, part));
    if (returns) {
        SB_TRY(make_clause(s, statement, SB_CLAUSE_RETURN, &part->clauses[part->count]));
        part->clauses[part->count++]->as.projection = *statement->show.returns;
    }
    SB_TRY(sb_sema__alloc(s, sizeof *statement->query, &statement->query));
    SB_TRY(sb_sema__alloc(s, sizeof(sb_single_query *), &statement->query->parts));
    statement->query->parts[0] = part;
    statement->query->part_count = 1;
    statement->query->span = call->span;
    return SB_OK;
}

/* ---- Constraints ------------------------------------------------------------------------------------------------------------ */

/* Is none of the kinds among those that are never stored? ANY stands for those that are. */
static bool are_stored(uint32_t kinds, uint32_t never)
{
    const uint32_t given = kinds | SB_KIND_NULL;

    return given != SB_KIND_NULL && (given == SB_KIND_ANY || (given & never) == 0);
}

/* The type that a constraint demands, which is not about whether there is a property. */
static sb_status check_property_type(const sb_sema *s)
{
    const sb_type_spec *type = s->statement->schema.type, *items = type->items;
    const uint32_t never = (uint32_t)SB_KIND_MAP | SB_KIND_NODE | SB_KIND_REL | SB_KIND_PATH;

    if (!are_stored(type->kinds, never) ||
        (items != NULL && !are_stored(items->kinds, never | SB_KIND_LIST)))
        return sb_cypher_fail(s->err, s->text, s->statement->schema.type_span,
                              SB_CYPHER_UNEXPECTED_SYNTAX, "no property has a value of this type");
    if ((type->kinds & SB_KIND_NULL) == 0)
        return sb_cypher_fail(s->err, s->text, s->statement->schema.type_span,
                              SB_CYPHER_UNEXPECTED_SYNTAX,
                              "a constraint on a type admits that the property is missing: that it "
                              "is there is another one, IS NOT NULL");
    return SB_OK;
}

/* Words that do not go with the pattern, and keys, which nodes alone have. */
static sb_status check_constraint(sb_sema *s, const sb_statement *statement)
{
    const bool on_rels = statement->schema.on_rels;

    if (on_rels ? statement->schema.of_nodes : statement->schema.of_rels)
        return SB_SEMA_FAIL(s, statement->schema.requirement, SB_CYPHER_UNEXPECTED_SYNTAX,
                            "the pattern is of a %s, the constraint of a %s",
                            on_rels ? "relationship" : "node", on_rels ? "node" : "relationship");
    if (on_rels && statement->schema.constraint == SB_CONSTRAINT_KEY)
        return SB_SEMA_FAIL(s, statement->schema.requirement, SB_CYPHER_UNEXPECTED_SYNTAX,
                            "relationships have no keys: one constraint IS UNIQUE and, for each "
                            "property, one IS NOT NULL say the same");
    return statement->schema.type == NULL ? SB_OK : check_property_type(s);
}

/* ---- Statements -------------------------------------------------------------------------------------------------------------- */

sb_status sb_sema_analyze(sb_arena *arena, sb_statement *statement, const sb_sema_env *env,
                          sb_cypher_watch *watch, uint32_t *slot_count, sb_err *err)
{
    sb_sema s = {.arena = arena,
                 .statement = statement,
                 .text = statement->text,
                 .env = env,
                 .watch = watch,
                 .err = err,
                 .last_asked = &statement->asked};

    *slot_count = 0;
    if (statement->kind == SB_STATEMENT_SHOW) SB_TRY(make_show_query(&s, statement));
    if (statement->kind == SB_STATEMENT_CREATE_CONSTRAINT) return check_constraint(&s, statement);
    if (statement->query == NULL) return SB_OK;
    SB_TRY(sb_sema__query(&s, statement->query, SB_QUERY_WHOLE));
    *slot_count = s.slot_count;
    return SB_OK;
}
