/* clause.c — clauses: what they bind, what they may set and delete, procedures, sub-queries. */
#include "cypher/sema/sema_priv.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Writing --------------------------------------------------------------------------------------------------------- */

static sb_status analyze_set_item(sb_sema *s, const sb_set_item *item, bool remove)
{
    const char *what = remove ? "REMOVE" : "SET";
    const uint32_t target = item->kind == SB_SET_LABELS ? SB_KIND_NODE : SB_KIND_ENTITY;

    SB_TRY(sb_sema__plain(s, item->target));
    SB_TRY(sb_sema__want(s, item->target, target, what));
    SB_TRY(sb_sema__plain(s, item->key_expr));
    if (item->key_expr != NULL)
        SB_TRY(sb_sema__want(s, item->key_expr, SB_KIND_STRING, "a property's name"));
    SB_TRY(sb_sema__plain(s, item->value));
    if (item->kind == SB_SET_LABELS && item->value != NULL)
        return sb_sema__dynamic(s, item->value->args, item->value->arg_count);
    if (item->kind != SB_SET_REPLACE && item->kind != SB_SET_MERGE) return SB_OK;
    return sb_sema__want(s, item->value, SB_KIND_ENTITY | SB_KIND_MAP, what);
}

static sb_status analyze_set(sb_sema *s, const sb_set_list *list, bool remove)
{
    for (uint32_t i = 0; i < list->count; i++)
        SB_TRY(analyze_set_item(s, &list->items[i], remove));
    return SB_OK;
}

static sb_status analyze_merge(sb_sema *s, sb_clause *clause)
{
    const sb_pattern pattern = {.parts = &clause->as.merge.part, .part_count = 1};

    SB_TRY(sb_sema__pattern(s, &pattern, SB_PATTERN_MERGE, false));
    SB_TRY(analyze_set(s, &clause->as.merge.on_create, false));
    return analyze_set(s, &clause->as.merge.on_match, false);
}

static sb_status analyze_delete(sb_sema *s, sb_clause *clause)
{
    for (uint32_t i = 0; i < clause->as.delete_.count; i++) {
        sb_expr *e = clause->as.delete_.entities[i];
        SB_TRY(sb_sema__plain(s, e));
        if (e->kind == SB_EXPR_HAS_LABELS)
            return SB_SEMA_FAIL(s, e->span, SB_CYPHER_INVALID_DELETE,
                                "DELETE is for nodes and relationships; REMOVE takes labels away");
        SB_TRY(sb_sema__want(s, e, SB_KIND_ENTITY | SB_KIND_PATH, "DELETE"));
    }
    return SB_OK;
}

/* Kinds of the values that a list is gone through for. */
static uint32_t items_of(const sb_expr *list)
{
    const bool is_list = (list->kinds & ~(uint32_t)SB_KIND_NULL) == SB_KIND_LIST;
    return is_list && list->items != 0 ? list->items : SB_KIND_ANY;
}

static sb_status analyze_foreach(sb_sema *s, sb_clause *clause)
{
    sb_frame frame;

    SB_TRY(sb_sema__plain(s, clause->as.foreach.list));
    SB_TRY(sb_sema__want(s, clause->as.foreach.list, SB_KIND_LIST, "FOREACH"));
    sb_sema__push(s, &frame, false);
    SB_TRY(sb_sema__declare_new(s, clause->as.foreach.name, clause->as.foreach.name_span,
                                items_of(clause->as.foreach.list), &clause->as.foreach.var));
    for (uint32_t i = 0; i < clause->as.foreach.count; i++) {
        sb_clause *inner = clause->as.foreach.clauses[i];
        bool writes = false;
        SB_TRY(sb_sema__clause(s, inner, &writes));
        if (!writes || inner->kind == SB_CLAUSE_CALL || inner->kind == SB_CLAUSE_SUBQUERY)
            return SB_SEMA_FAIL(s, inner->span, SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
                                "in FOREACH stand CREATE, MERGE, SET, REMOVE, DELETE and FOREACH "
                                "alone");
    }
    sb_sema__pop(s);
    return SB_OK;
}

/* ---- Reading --------------------------------------------------------------------------------------------------------- */

/* REPEATABLE ELEMENTS: without a bound there would be no end of paths; and what is shortest repeats nothing. */
static sb_status check_repeatable(sb_sema *s, const sb_pattern *pattern)
{
    for (uint32_t i = 0; pattern->repeatable && i < pattern->part_count; i++) {
        const sb_pattern_part *part = pattern->parts[i];

        if (part->selector != SB_PATHS_ALL)
            return SB_SEMA_FAIL(s, part->span, SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
                                "a path selector does not go with REPEATABLE ELEMENTS");
        for (uint32_t k = 0; k < part->step_count; k++) {
            const sb_step *step = &part->steps[k];

            if (step->rel != NULL && (!step->rel->variable || step->rel->max != UINT32_MAX))
                continue;
            if (step->rel == NULL && step->quantified->max != UINT32_MAX) continue;
            return SB_SEMA_FAIL(s, step->rel != NULL ? step->rel->span : step->quantified->span,
                                SB_CYPHER_INVALID_RELATIONSHIP_PATTERN,
                                "REPEATABLE ELEMENTS needs an upper bound here: {1,5}, *..5");
        }
    }
    return SB_OK;
}

static bool in_part(const sb_pattern_part *part, const sb_var *var)
{
    if (part->start->var == var) return true;
    for (uint32_t i = 0; i < part->step_count; i++)
        if (part->steps[i].node->var == var ||
            (part->steps[i].rel != NULL && part->steps[i].rel->var == var))
            return true;
    return false;
}

/* The variables of a hint are nodes and relationships of its own clause, its label is one name. */
static sb_status analyze_hint(sb_sema *s, const sb_pattern *pattern, sb_hint *hint)
{
    if (hint->labels != NULL && hint->labels->op != SB_LABEL_NAME)
        return SB_SEMA_FAIL(s, hint->labels->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                            "a hint names one label or type");
    SB_TRY(sb_sema__alloc(s, hint->name_count * sizeof *hint->vars, &hint->vars));
    for (uint32_t i = 0; i < hint->name_count; i++) {
        bool found = false;

        hint->vars[i] = sb_sema__find(s, hint->names[i]);
        if (hint->vars[i] == NULL) return sb_sema__fail_undefined(s, hint->names[i], hint->span);
        for (uint32_t k = 0; k < pattern->part_count && !found; k++)
            found = in_part(pattern->parts[k], hint->vars[i]);
        if (!found)
            return SB_SEMA_FAIL(s, hint->span, SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
                                "'%.*s' is no node or relationship of the pattern that the hint "
                                "is for",
                                SB_SEMA_SHOWN(hint->names[i]));
    }
    return SB_OK;
}

static sb_status analyze_match(sb_sema *s, sb_clause *clause)
{
    SB_TRY(check_repeatable(s, &clause->as.match.pattern));
    SB_TRY(sb_sema__pattern(s, &clause->as.match.pattern, SB_PATTERN_MATCH,
                            clause->as.match.optional));
    for (uint32_t i = 0; i < clause->as.match.pattern.hint_count; i++)
        SB_TRY(analyze_hint(s, &clause->as.match.pattern, &clause->as.match.pattern.hints[i]));
    return sb_sema__predicate(s, clause->as.match.where);
}

static sb_status analyze_unwind(sb_sema *s, sb_clause *clause)
{
    SB_TRY(sb_sema__plain(s, clause->as.unwind.list));
    return sb_sema__declare_new(s, clause->as.unwind.name, clause->as.unwind.name_span,
                                items_of(clause->as.unwind.list), &clause->as.unwind.var);
}

static sb_status analyze_load_csv(sb_sema *s, sb_clause *clause)
{
    const bool headers = clause->as.load_csv.headers;

    SB_TRY(sb_sema__plain(s, clause->as.load_csv.url));
    SB_TRY(sb_sema__want(s, clause->as.load_csv.url, SB_KIND_STRING, "LOAD CSV"));
    SB_TRY(sb_sema__plain(s, clause->as.load_csv.delimiter));
    if (clause->as.load_csv.delimiter != NULL)
        SB_TRY(sb_sema__want(s, clause->as.load_csv.delimiter, SB_KIND_STRING, "FIELDTERMINATOR"));
    SB_TRY(sb_sema__declare_new(s, clause->as.load_csv.name, clause->as.load_csv.name_span,
                                headers ? SB_KIND_MAP : SB_KIND_LIST, &clause->as.load_csv.var));
    if (!headers) clause->as.load_csv.var->items = SB_KIND_STRING | SB_KIND_NULL;
    return SB_OK;
}

/* ---- Procedures ------------------------------------------------------------------------------------------------------- */

static sb_bytes next_procedure(void *ctx, size_t i)
{
    const sb_sema *s = ctx;
    const sb_procedure *procedure = s->env != NULL && s->env->procedure_at != NULL
                                        ? s->env->procedure_at(s->env->ctx, i)
                                        : NULL;
    return procedure != NULL ? procedure->name : (sb_bytes){0};
}

static sb_status find_procedure(sb_sema *s, sb_clause *clause)
{
    const sb_bytes name = clause->as.call.name;
    sb_bytes near;

    if (s->env != NULL && s->env->find_procedure != NULL)
        clause->as.call.procedure = s->env->find_procedure(s->env->ctx, name);
    if (clause->as.call.procedure != NULL) return SB_OK;
    if (sb_cypher_nearest(name, next_procedure, s, &near))
        return SB_SEMA_FAIL(s, clause->span, SB_CYPHER_PROCEDURE_NOT_FOUND,
                            "there is no procedure '%.*s': did you mean '%.*s'?",
                            SB_SEMA_SHOWN(name), SB_SEMA_SHOWN(near));
    return SB_SEMA_FAIL(s, clause->span, SB_CYPHER_PROCEDURE_NOT_FOUND,
                        "there is no procedure '%.*s'", SB_SEMA_SHOWN(name));
}

/* The place of a parameter, param_count: there is none of the name. */
static uint32_t find_param(const sb_statement *statement, sb_bytes name)
{
    uint32_t i = 0;

    while (i < statement->param_count && !sb_bytes_equal(statement->params[i], name))
        i++;
    return i;
}

/* CALL proc, the whole statement, without parentheses: parameters called like the arguments are these. */
static sb_status imply_arguments(sb_sema *s, sb_clause *clause, const sb_procedure *procedure)
{
    sb_statement *statement = s->statement;
    sb_bytes *params;

    SB_TRY(sb_sema__alloc(s, procedure->arg_count * sizeof(sb_expr *), &clause->as.call.args));
    SB_TRY(sb_sema__alloc(s, (statement->param_count + procedure->arg_count) * sizeof *params,
                          &params));
    if (statement->param_count != 0)
        memcpy(params, statement->params, statement->param_count * sizeof *params);
    statement->params = params;
    for (uint32_t i = 0; i < procedure->arg_count; i++) {
        const sb_bytes name = procedure->args[i].name;
        sb_expr *e;
        SB_TRY(sb_sema__alloc(s, sizeof *e, &e));
        e->kind = SB_EXPR_PARAM;
        e->name = name;
        e->span = clause->span;
        e->depth = e->weight = 1;
        clause->as.call.args[i] = e;
        const uint32_t place = find_param(statement, name);
        e->value.integer = place;
        if (place == statement->param_count) params[statement->param_count++] = name;
    }
    clause->as.call.arg_count = procedure->arg_count;
    return SB_OK;
}

/* null for the last arguments, which are left out. */
static sb_status fill_arguments(sb_sema *s, sb_clause *clause, const sb_procedure *procedure)
{
    sb_expr **args;

    SB_TRY(sb_sema__alloc(s, procedure->arg_count * sizeof(sb_expr *), &args));
    for (uint32_t i = 0; i < procedure->arg_count; i++) {
        if (i < clause->as.call.arg_count) {
            args[i] = clause->as.call.args[i];
            continue;
        }
        SB_TRY(sb_sema__alloc(s, sizeof *args[i], &args[i]));
        args[i]->kind = SB_EXPR_NULL;
        args[i]->span = clause->span;
        args[i]->depth = args[i]->weight = 1;
    }
    clause->as.call.args = args;
    clause->as.call.arg_count = procedure->arg_count;
    return SB_OK;
}

static sb_status check_argument_count(sb_sema *s, sb_clause *clause, const sb_procedure *procedure)
{
    if (!clause->as.call.has_args) {
        if (procedure->arg_count == 0) return SB_OK;
        if (procedure->optional_count == procedure->arg_count)
            return fill_arguments(s, clause, procedure);
        if (clause->as.call.standalone) return imply_arguments(s, clause, procedure);
        return SB_SEMA_FAIL(s, clause->span, SB_CYPHER_INVALID_ARGUMENT_PASSING_MODE,
                            "%.*s takes arguments: within a query they are written out",
                            SB_SEMA_SHOWN(procedure->name));
    }
    const uint32_t given = clause->as.call.arg_count,
                   needed = procedure->arg_count - procedure->optional_count;
    char range[16] = "";
    if (given == procedure->arg_count) return SB_OK;
    if (given >= needed && given < procedure->arg_count)
        return fill_arguments(s, clause, procedure);
    if (needed != procedure->arg_count)
        (void)snprintf(range, sizeof range, "%u to ", (unsigned)needed);
    return SB_SEMA_FAIL(s, clause->span, SB_CYPHER_INVALID_NUMBER_OF_ARGUMENTS,
                        "%.*s takes %s%u argument%s, here %s %u", SB_SEMA_SHOWN(procedure->name),
                        range, (unsigned)procedure->arg_count, procedure->arg_count == 1 ? "" : "s",
                        given == 1 ? "is" : "are", (unsigned)given);
}

static sb_status analyze_arguments(sb_sema *s, sb_clause *clause, const sb_procedure *procedure)
{
    SB_TRY(check_argument_count(s, clause, procedure));
    for (uint32_t i = 0; i < clause->as.call.arg_count; i++) {
        sb_expr *e = clause->as.call.args[i];
        uint32_t wanted = procedure->args[i].kinds;
        SB_TRY(sb_sema__plain(s, e));
        if ((wanted & SB_KIND_FLOAT) != 0) wanted |= SB_KIND_INT; /* becomes a FLOAT */
        if (!sb_sema__never(e->kinds, wanted)) continue;
        return SB_SEMA_FAIL(s, e->span, SB_CYPHER_INVALID_ARGUMENT_TYPE,
                            "the argument '%.*s' of %.*s is %s, this is %s",
                            SB_SEMA_SHOWN(procedure->args[i].name), SB_SEMA_SHOWN(procedure->name),
                            procedure->args[i].type_text, sb_sema__kind_names(e->kinds).text);
    }
    return SB_OK;
}

/* All results, by their own names. */
static sb_status yield_all(sb_sema *s, sb_clause *clause, const sb_procedure *procedure)
{
    SB_TRY(sb_sema__alloc(s, procedure->result_count * sizeof *clause->as.call.items,
                          &clause->as.call.items));
    clause->as.call.item_count = procedure->result_count;
    for (uint32_t i = 0; i < procedure->result_count; i++) {
        sb_yield_item *item = &clause->as.call.items[i];
        item->field = item->name = procedure->results[i].name;
        item->span = clause->span;
    }
    return SB_OK;
}

static const sb_procedure_field *find_result(const sb_procedure *procedure, sb_bytes name)
{
    for (uint32_t i = 0; i < procedure->result_count; i++)
        if (sb_bytes_equal(procedure->results[i].name, name)) return &procedure->results[i];
    return NULL;
}

static sb_bytes next_result(void *ctx, size_t i)
{
    const sb_procedure *procedure = ctx;
    return i < procedure->result_count ? procedure->results[i].name : (sb_bytes){0};
}

static sb_status fail_result(sb_sema *s, const sb_yield_item *item, const sb_procedure *procedure)
{
    sb_procedure copy = *procedure; /* only to be read, but a candidate's context is not const */
    sb_bytes near;

    if (sb_cypher_nearest(item->field, next_result, &copy, &near))
        return SB_SEMA_FAIL(s, item->span, SB_CYPHER_UNDEFINED_VARIABLE,
                            "%.*s has no result '%.*s': did you mean '%.*s'?",
                            SB_SEMA_SHOWN(procedure->name), SB_SEMA_SHOWN(item->field),
                            SB_SEMA_SHOWN(near));
    return SB_SEMA_FAIL(s, item->span, SB_CYPHER_UNDEFINED_VARIABLE, "%.*s has no result '%.*s'",
                        SB_SEMA_SHOWN(procedure->name), SB_SEMA_SHOWN(item->field));
}

static sb_status bind_results(sb_sema *s, sb_clause *clause, const sb_procedure *procedure)
{
    for (uint32_t i = 0; i < clause->as.call.item_count; i++) {
        sb_yield_item *item = &clause->as.call.items[i];
        const sb_procedure_field *field = find_result(procedure, item->field);
        if (field == NULL) return fail_result(s, item, procedure);
        SB_TRY(sb_sema__declare_new(s, item->name, item->span, field->kinds | SB_KIND_NULL,
                                    &item->var));
    }
    return SB_OK;
}

static sb_status analyze_procedure(sb_sema *s, sb_clause *clause, bool *writes)
{
    SB_TRY(find_procedure(s, clause));
    const sb_procedure *procedure = clause->as.call.procedure;
    const bool standalone = clause->as.call.standalone;
    *writes = procedure->writes;
    SB_TRY(analyze_arguments(s, clause, procedure));
    if (clause->as.call.yield_star && !standalone)
        return SB_SEMA_FAIL(s, clause->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                            "YIELD * is for a CALL that is the whole statement: name the results");
    if (standalone && (!clause->as.call.yields || clause->as.call.yield_star))
        SB_TRY(yield_all(s, clause, procedure));
    SB_TRY(bind_results(s, clause, procedure));
    return sb_sema__predicate(s, clause->as.call.where);
}

/* ---- CALL { } ------------------------------------------------------------------------------------------------------------ */

static int compare_slots(const void *a, const void *b)
{
    const sb_var *const *left = a;
    const sb_var *const *right = b;
    return (*left)->slot < (*right)->slot ? -1 : (*left)->slot > (*right)->slot;
}

/* Each once. */
static void set_imports(sb_clause *clause, sb_var **vars, uint32_t count)
{
    uint32_t kept = 0;

    if (count > 1) qsort(vars, count, sizeof(sb_var *), compare_slots);
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || vars[kept - 1] != vars[i]) vars[kept++] = vars[i];
    clause->as.subquery.import_vars = vars;
    clause->as.subquery.import_var_count = kept;
}

/* What CALL (a, b) { or CALL (*) { lets in: to be bound behind the barrier. */
static sb_status list_imports(sb_sema *s, const sb_clause *clause, sb_var ***vars, uint32_t *count)
{
    if (clause->as.subquery.imports_all) return sb_sema__list(s, s->frame, true, vars, count);
    *count = clause->as.subquery.import_count;
    SB_TRY(sb_sema__alloc(s, *count * sizeof(sb_var *), vars));
    for (uint32_t i = 0; i < *count; i++) {
        const sb_bytes name = clause->as.subquery.imports[i];
        (*vars)[i] = sb_sema__find(s, name);
        if ((*vars)[i] == NULL) return sb_sema__fail_undefined(s, name, clause->span);
    }
    return SB_OK;
}

/* The query behind a barrier with the imports in it. */
static sb_status analyze_behind_barrier(sb_sema *s, sb_clause *clause, sb_var **vars,
                                        uint32_t count)
{
    sb_query *query = clause->as.subquery.query;
    const sb_frame *outer = s->frame;
    const sb_frame *imported = s->imported;
    sb_var **imports = s->imports;
    const uint32_t import_count = s->import_count;
    sb_frame barrier;

    sb_sema__push(s, &barrier, true);
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(sb_sema__bind(s, vars[i]));
    s->imported = clause->as.subquery.imports_listed ? NULL : outer;
    s->imports = vars;
    s->import_count = count;
    SB_TRY(sb_sema__query(s, query, SB_QUERY_CALL));
    set_imports(clause, s->imports, s->import_count);
    s->imported = imported;
    s->imports = imports;
    s->import_count = import_count;
    sb_sema__pop(s);
    return SB_OK;
}

static sb_status check_transactions(sb_sema *s, const sb_clause *clause)
{
    if (!clause->as.subquery.in_transactions || s->nesting == 0) return SB_OK;
    return SB_SEMA_FAIL(s, clause->span, SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
                        "CALL { } IN TRANSACTIONS can not stand in another sub-query");
}

/* A positive number that needs no row. */
static sb_status analyze_positive(sb_sema *s, sb_expr *e, const char *what)
{
    if (e == NULL) return SB_OK;
    SB_TRY(sb_sema__plain(s, e));
    if (!e->constant)
        return SB_SEMA_FAIL(s, e->span, SB_CYPHER_NON_CONSTANT_EXPRESSION,
                            "%s: the number can not depend on a row", what);
    if (e->kind == SB_EXPR_INT && e->value.integer <= 0)
        return SB_SEMA_FAIL(s, e->span, SB_CYPHER_NEGATIVE_INTEGER_ARGUMENT,
                            "%s: the number is at least 1", what);
    return sb_sema__want(s, e, SB_KIND_INT, what);
}

/* REPORT STATUS AS name, behind what the query returns. */
static sb_status declare_status(sb_sema *s, sb_clause *clause)
{
    if (clause->as.subquery.status_name.data == NULL) return SB_OK;
    if (clause->as.subquery.on_error == SB_ON_ERROR_FAIL)
        return SB_SEMA_FAIL(s, clause->as.subquery.status_span,
                            SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
                            "REPORT STATUS goes with ON ERROR CONTINUE or ON ERROR BREAK: without "
                            "them a transaction that fails ends the statement");
    return sb_sema__declare_new(s, clause->as.subquery.status_name, clause->as.subquery.status_span,
                                SB_KIND_MAP, &clause->as.subquery.status_var);
}

static sb_status analyze_subquery(sb_sema *s, sb_clause *clause, bool *writes)
{
    sb_query *query = clause->as.subquery.query;
    sb_var **vars = NULL;
    uint32_t count = 0;

    SB_TRY(check_transactions(s, clause));
    SB_TRY(analyze_positive(s, clause->as.subquery.batch_rows, "IN TRANSACTIONS OF"));
    SB_TRY(analyze_positive(s, clause->as.subquery.concurrent, "IN CONCURRENT TRANSACTIONS"));
    if (clause->as.subquery.imports_listed) SB_TRY(list_imports(s, clause, &vars, &count));
    SB_TRY(analyze_behind_barrier(s, clause, vars, count));
    *writes = query->writes;
    for (uint32_t i = 0; i < query->column_count; i++) {
        sb_var *column = query->columns[i];
        if (sb_sema__find(s, column->name) != NULL)
            return sb_sema__fail_bound(s, column->name, column->span);
        if (clause->as.subquery.optional || clause->as.subquery.on_error != SB_ON_ERROR_FAIL) {
            column->nullable = true;
            column->kinds |= SB_KIND_NULL;
        }
        SB_TRY(sb_sema__bind(s, column));
    }
    return declare_status(s, clause);
}

/* ---- All of them ------------------------------------------------------------------------------------------------------------ */

static bool is_update(const sb_clause *clause)
{
    switch (clause->kind) {
    case SB_CLAUSE_CREATE:
    case SB_CLAUSE_MERGE:
    case SB_CLAUSE_SET:
    case SB_CLAUSE_REMOVE:
    case SB_CLAUSE_DELETE:
    case SB_CLAUSE_FOREACH: return true;
    case SB_CLAUSE_MATCH:
    case SB_CLAUSE_UNWIND:
    case SB_CLAUSE_WITH:
    case SB_CLAUSE_RETURN:
    case SB_CLAUSE_FINISH:
    case SB_CLAUSE_CALL:
    case SB_CLAUSE_SUBQUERY:
    case SB_CLAUSE_LOAD_CSV: return false;
    }
    return false;
}

static sb_status analyze_clause(sb_sema *s, sb_clause *clause, bool *writes)
{
    switch (clause->kind) {
    case SB_CLAUSE_MATCH: return analyze_match(s, clause);
    case SB_CLAUSE_UNWIND: return analyze_unwind(s, clause);
    case SB_CLAUSE_WITH: return sb_sema__projection(s, &clause->as.projection, true, clause->span);
    case SB_CLAUSE_RETURN:
        return sb_sema__projection(s, &clause->as.projection, false, clause->span);
    case SB_CLAUSE_FINISH: return SB_OK;
    case SB_CLAUSE_CREATE:
        return sb_sema__pattern(s, &clause->as.create.pattern, SB_PATTERN_CREATE, false);
    case SB_CLAUSE_MERGE: return analyze_merge(s, clause);
    case SB_CLAUSE_SET: return analyze_set(s, &clause->as.set, false);
    case SB_CLAUSE_REMOVE: return analyze_set(s, &clause->as.set, true);
    case SB_CLAUSE_DELETE: return analyze_delete(s, clause);
    case SB_CLAUSE_FOREACH: return analyze_foreach(s, clause);
    case SB_CLAUSE_CALL: return analyze_procedure(s, clause, writes);
    case SB_CLAUSE_SUBQUERY: return analyze_subquery(s, clause, writes);
    case SB_CLAUSE_LOAD_CSV: return analyze_load_csv(s, clause);
    }
    return SB_OK;
}

sb_status sb_sema__clause(sb_sema *s, sb_clause *clause, bool *writes)
{
    bool clause_writes = is_update(clause);

    s->aggregation = SB_AGGREGATION_NO;
    if (!clause_writes || !s->read_only) SB_TRY(analyze_clause(s, clause, &clause_writes));
    if (clause_writes && s->read_only)
        return SB_SEMA_FAIL(s, clause->span, SB_CYPHER_INVALID_CLAUSE_COMPOSITION,
                            "EXISTS, COUNT and COLLECT only read: they can not hold an update");
    *writes = *writes || clause_writes;
    return SB_OK;
}
