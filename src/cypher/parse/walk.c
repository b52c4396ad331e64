/* walk.c — visiting expressions in a tree, and the variables that they read. */
#include "cypher/parse/ast.h"

typedef struct walker {
    bool deep;
    bool (*visit)(void *ctx, sb_expr *e);
    void (*read)(void *ctx, const sb_var *var,
                 sb_span span); /* NULL: expressions are all that is asked for */
    void *ctx;
} walker;

static void walk(const walker *w, sb_expr *e);
static void walk_query(const walker *w, const sb_query *query);

static void walk_all(const walker *w, sb_expr **items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        walk(w, items[i]);
}

static void read_var(const walker *w, const sb_var *var, sb_span span)
{
    if (w->read != NULL && var != NULL) w->read(w->ctx, var, span);
}

static void walk_node(const walker *w, const sb_node_pattern *node)
{
    if (!node->binds) read_var(w, node->var, node->span);
    walk(w, node->props);
    walk(w, node->dynamic);
    walk(w, node->where);
}

static void walk_part(const walker *w, const sb_pattern_part *part)
{
    if (part == NULL) return;
    walk(w, part->where);
    walk_node(w, part->start);
    for (uint32_t i = 0; i < part->step_count; i++) {
        const sb_step *step = &part->steps[i];
        if (step->rel != NULL) {
            if (!step->rel->binds) read_var(w, step->rel->var, step->rel->span);
            walk(w, step->rel->props);
            walk(w, step->rel->dynamic);
            walk(w, step->rel->where);
        } else {
            walk_part(w, step->quantified->part);
            walk(w, step->quantified->where);
        }
        walk_node(w, step->node);
    }
}

static void walk_pattern(const walker *w, const sb_pattern *pattern)
{
    for (uint32_t i = 0; i < pattern->part_count; i++)
        walk_part(w, pattern->parts[i]);
}

static void walk_projection(const walker *w, const sb_projection *projection)
{
    for (uint32_t i = 0; i < projection->item_count; i++)
        walk(w, projection->items[i].expr);
    for (uint32_t i = 0; i < projection->order_count; i++)
        walk(w, projection->order[i].expr);
    walk(w, projection->skip);
    walk(w, projection->limit);
    walk(w, projection->where);
}

static void walk_set(const walker *w, const sb_set_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        walk(w, list->items[i].target);
        walk(w, list->items[i].key_expr);
        walk(w, list->items[i].value);
    }
}

static void walk_clause(const walker *w, const sb_clause *clause)
{
    switch (clause->kind) {
    case SB_CLAUSE_MATCH:
        walk_pattern(w, &clause->as.match.pattern);
        walk(w, clause->as.match.where);
        break;
    case SB_CLAUSE_UNWIND: walk(w, clause->as.unwind.list); break;
    case SB_CLAUSE_WITH:
    case SB_CLAUSE_RETURN: walk_projection(w, &clause->as.projection); break;
    case SB_CLAUSE_FINISH: break;
    case SB_CLAUSE_CREATE: walk_pattern(w, &clause->as.create.pattern); break;
    case SB_CLAUSE_MERGE:
        walk_part(w, clause->as.merge.part);
        walk_set(w, &clause->as.merge.on_create);
        walk_set(w, &clause->as.merge.on_match);
        break;
    case SB_CLAUSE_SET:
    case SB_CLAUSE_REMOVE: walk_set(w, &clause->as.set); break;
    case SB_CLAUSE_DELETE:
        walk_all(w, clause->as.delete_.entities, clause->as.delete_.count);
        break;
    case SB_CLAUSE_FOREACH:
        walk(w, clause->as.foreach.list);
        for (uint32_t i = 0; i < clause->as.foreach.count; i++)
            walk_clause(w, clause->as.foreach.clauses[i]);
        break;
    case SB_CLAUSE_CALL:
        walk_all(w, clause->as.call.args, clause->as.call.arg_count);
        walk(w, clause->as.call.where);
        break;
    case SB_CLAUSE_SUBQUERY:
        for (uint32_t i = 0; i < clause->as.subquery.import_var_count; i++)
            read_var(w, clause->as.subquery.import_vars[i], clause->span);
        walk_query(w, clause->as.subquery.query);
        walk(w, clause->as.subquery.batch_rows);
        walk(w, clause->as.subquery.concurrent);
        break;
    case SB_CLAUSE_LOAD_CSV:
        walk(w, clause->as.load_csv.url);
        walk(w, clause->as.load_csv.delimiter);
        break;
    }
}

static void walk_query(const walker *w, const sb_query *query)
{
    for (uint32_t i = 0; i < query->part_count; i++)
        for (uint32_t k = 0; k < query->parts[i]->count; k++)
            walk_clause(w, query->parts[i]->clauses[k]);
}

static void walk(const walker *w, sb_expr *e)
{
    if (e == NULL || (w->visit != NULL && !w->visit(w->ctx, e))) return;
    if (e->kind == SB_EXPR_VAR) read_var(w, e->var, e->span);
    walk_all(w, e->args, e->arg_count);
    if (!w->deep) return;
    walk_part(w, e->pattern);
    if (e->query != NULL) walk_query(w, e->query);
}

void sb_expr_walk(sb_expr *e, bool deep, bool (*visit)(void *ctx, sb_expr *e), void *ctx)
{
    const walker w = {.deep = deep, .visit = visit, .ctx = ctx};
    walk(&w, e);
}

void sb_expr_read_vars(sb_expr *e, void (*read)(void *ctx, const sb_var *var, sb_span span),
                       void *ctx)
{
    const walker w = {.deep = true, .read = read, .ctx = ctx};
    walk(&w, e);
}
