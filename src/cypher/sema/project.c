/* project.c — WITH and RETURN: stars, columns, grouping, and what ORDER BY, SKIP, LIMIT and WHERE behind them see.
 *
 * Grouping: an item without aggregation is a grouping key. In an item with one, what lies outside of the aggregation's arguments is computed
 * once a group, so it may read grouping keys alone, and of these only variables and properties (n.x): else
 * AmbiguousAggregationExpression.
 * Behind a projection that aggregates or is DISTINCT only its columns are seen; behind others, what was there before, too. In ORDER BY an
 * expression that is an item's is that item's column. */
#include "cypher/sema/sema_priv.h"

/* ---- Stars ----------------------------------------------------------------------------------------------------------- */

static sb_status make_star_item(sb_sema *s, sb_var *var, sb_span span, sb_projection_item *item)
{
    SB_TRY(sb_sema__alloc(s, sizeof *item->expr, &item->expr));
    item->expr->kind = SB_EXPR_VAR;
    item->expr->name = var->name;
    item->expr->span = span;
    item->expr->depth = item->expr->weight = 1;
    item->name = var->name;
    item->span = span;
    return SB_OK;
}

static sb_status expand_star(sb_sema *s, sb_projection *projection, bool is_with, sb_span span)
{
    sb_projection_item *items;
    sb_var **vars;
    uint32_t count;

    if (!projection->star) return SB_OK;
    SB_TRY(sb_sema__list(s, s->frame, false, &vars, &count));
    if (count == 0 && s->nesting != 0) SB_TRY(sb_sema__list(s, s->frame, true, &vars, &count));
    if (count == 0 && !is_with && projection->item_count == 0)
        return SB_SEMA_FAIL(s, span, SB_CYPHER_NO_VARIABLES_IN_SCOPE,
                            "RETURN * needs variables, and there are none");
    SB_TRY(sb_sema__alloc(s, (count + projection->item_count) * sizeof *items, &items));
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(make_star_item(s, vars[i], span, &items[i]));
    if (projection->item_count != 0)
        memcpy(items + count, projection->items, projection->item_count * sizeof *items);
    projection->items = items;
    projection->item_count += count;
    projection->star_count = count;
    return SB_OK;
}

/* ---- Grouping ---------------------------------------------------------------------------------------------------------- */

/* A variable, or a property of one. */
static bool is_simple(const sb_expr *e)
{
    while (e->kind == SB_EXPR_PROPERTY)
        e = e->args[0];
    return e->kind == SB_EXPR_VAR;
}

static const sb_projection_item *find_item(const sb_sema *s, const sb_projection *projection,
                                           const sb_expr *e)
{
    for (uint32_t i = 0; i < projection->item_count; i++)
        if (sb_sema__same_expr(s, projection->items[i].expr, e)) return &projection->items[i];
    return NULL;
}

static bool is_grouping_key(const sb_sema *s, const sb_projection *projection, const sb_expr *e)
{
    if (!is_simple(e)) return false;
    const sb_projection_item *item = find_item(s, projection, e);
    return item != NULL && !item->expr->aggregates;
}

typedef struct grouping {
    sb_sema *s;
    const sb_projection *projection;
    const sb_var *wrong; /* a variable that is read, but is no grouping key */
    sb_span span;
} grouping;

static bool is_key_variable(const grouping *g, const sb_var *var)
{
    for (uint32_t i = 0; i < g->projection->item_count; i++) {
        const sb_expr *e = g->projection->items[i].expr;
        if (e->kind == SB_EXPR_VAR && e->var == var) return true;
    }
    return false;
}

/* Variables of outer queries and those of comprehensions are no affair of this projection. */
static void check_read(void *ctx, const sb_var *var, sb_span span)
{
    grouping *g = ctx;

    if (g->wrong != NULL || !sb_sema__is_own(g->s, var) || is_key_variable(g, var)) return;
    g->wrong = var;
    g->span = span;
}

static bool is_aggregation(const sb_expr *e)
{
    return e->kind == SB_EXPR_COUNT_STAR || (e->kind == SB_EXPR_CALL && e->function != NULL &&
                                             (e->function->flags & SB_FUNC_AGGREGATE) != 0);
}

static void check_outside(grouping *g, sb_expr *e)
{
    if (e == NULL || g->wrong != NULL || e->constant || is_aggregation(e)) return;
    if (is_grouping_key(g->s, g->projection, e)) return;
    if (e->kind == SB_EXPR_VAR || e->pattern != NULL || e->query != NULL) {
        sb_expr_read_vars(e, check_read, g);
        return;
    }
    for (uint32_t i = 0; i < e->arg_count; i++)
        check_outside(g, e->args[i]);
}

static sb_status check_grouping(sb_sema *s, const sb_projection *projection)
{
    for (uint32_t i = 0; i < projection->item_count; i++) {
        grouping g = {.s = s, .projection = projection};
        if (!projection->items[i].expr->aggregates) continue;
        check_outside(&g, projection->items[i].expr);
        if (g.wrong != NULL)
            return SB_SEMA_FAIL(
                s, g.span, SB_CYPHER_AMBIGUOUS_AGGREGATION,
                "'%.*s' stands beside an aggregation without being a column itself, so that it is "
                "not clear what to group by: project it first, WITH … AS …",
                SB_SEMA_SHOWN(g.wrong->name));
    }
    return SB_OK;
}

/* ---- Columns ----------------------------------------------------------------------------------------------------------- */

static sb_status make_columns(sb_sema *s, sb_projection *projection)
{
    for (uint32_t i = 0; i < projection->item_count; i++) {
        sb_projection_item *item = &projection->items[i];
        SB_TRY(sb_sema__make_var(s, item->name, item->span, item->expr->kinds, &item->var));
        item->var->items = item->expr->items != 0 ? item->expr->items : SB_KIND_ANY;
    }
    return SB_OK;
}

/* In the current frame, where none of them may be twice. */
static sb_status bind_columns(sb_sema *s, const sb_projection *projection)
{
    for (uint32_t i = 0; i < projection->item_count; i++) {
        const sb_projection_item *item = &projection->items[i];
        if (item->name.size == 0) continue;
        if (sb_sema__find_own(s, item->name) != NULL)
            return SB_SEMA_FAIL(s, item->span, SB_CYPHER_COLUMN_NAME_CONFLICT,
                                "there are two columns '%.*s'", SB_SEMA_SHOWN(item->name));
        SB_TRY(sb_sema__bind(s, item->var));
    }
    return SB_OK;
}

static sb_status check_aliases(sb_sema *s, const sb_projection *projection)
{
    for (uint32_t i = 0; i < projection->item_count; i++)
        if (projection->items[i].name.size == 0)
            return SB_SEMA_FAIL(s, projection->items[i].span, SB_CYPHER_NO_EXPRESSION_ALIAS,
                                "in WITH an expression needs a name: … AS name");
    return SB_OK;
}

/* ---- ORDER BY ------------------------------------------------------------------------------------------------------------ */

typedef struct ordering {
    sb_sema *s;
    const sb_projection *projection;
    bool restricted; /* columns are all that is seen */
} ordering;

static sb_status replace_by_column(const ordering *o, sb_expr **place,
                                   const sb_projection_item *item)
{
    const sb_expr *old = *place;

    SB_TRY(sb_sema__alloc(o->s, sizeof **place, place));
    (*place)->kind = SB_EXPR_VAR;
    (*place)->name = item->name;
    (*place)->span = old->span;
    (*place)->depth = (*place)->weight = 1;
    (*place)->var = item->var;
    (*place)->kinds = item->var->kinds != 0 ? item->var->kinds : SB_KIND_ANY;
    (*place)->items = item->var->items;
    return SB_OK;
}

static bool is_column_name(const ordering *o, sb_bytes name)
{
    const sb_var *var = sb_sema__find_own(o->s, name);

    for (uint32_t i = 0; var != NULL && i < o->projection->item_count; i++)
        if (o->projection->items[i].var == var) return true;
    return false;
}

/* The item that e is, but for names: these mean columns first, and where all is seen, what was there before. */
static const sb_projection_item *match_item(const ordering *o, const sb_expr *e)
{
    if (e->kind == SB_EXPR_VAR && (!o->restricted || is_column_name(o, e->name))) return NULL;
    return find_item(o->s, o->projection, e);
}

/* Is e an aggregation, or holds one, going by names alone? */
static bool names_aggregation(const sb_sema *s, const sb_expr *e)
{
    if (e->kind != SB_EXPR_CALL) return e->kind == SB_EXPR_COUNT_STAR;
    const sb_function *function = sb_sema__find_function(s, e->name);
    return function != NULL && (function->flags & SB_FUNC_AGGREGATE) != 0;
}

static bool will_aggregate(const sb_sema *s, const sb_expr *e)
{
    if (e == NULL) return false;
    if (names_aggregation(s, e)) return true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (will_aggregate(s, e->args[i])) return true;
    return false;
}

static sb_status replace_parts(const ordering *o, sb_expr **place)
{
    const sb_projection_item *item;

    if (*place == NULL || (*place)->kinds != 0) return SB_OK;
    item = match_item(o, *place);
    if (item != NULL) return replace_by_column(o, place, item);
    for (uint32_t i = 0; i < (*place)->arg_count; i++)
        SB_TRY(replace_parts(o, &(*place)->args[i]));
    return SB_OK;
}

/* An aggregation that is no column: what it is about can not be seen here, or if it can, it is not the place to aggregate. */
static sb_status fail_new_aggregation(sb_sema *s, const sb_expr *e)
{
    for (uint32_t i = 0; i < e->arg_count; i++)
        SB_TRY(sb_sema__plain(s, e->args[i]));
    return SB_SEMA_FAIL(s, e->span, SB_CYPHER_INVALID_AGGREGATION,
                        "ORDER BY can not aggregate: make it a column first");
}

/* In an expression with aggregations these are columns, and beside them stand columns that are simple. */
static sb_status replace_mixed(const ordering *o, sb_expr **place)
{
    sb_expr *e = *place;

    if (e == NULL) return SB_OK;
    const sb_projection_item *item = match_item(o, e);
    const bool aggregates = will_aggregate(o->s, e);
    if (item != NULL && !aggregates && !is_simple(e))
        return SB_SEMA_FAIL(
            o->s, e->span, SB_CYPHER_AMBIGUOUS_AGGREGATION,
            "beside an aggregation stand variables and properties that are columns, "
            "but no longer expressions: use the column's name");
    if (item != NULL) return replace_by_column(o, place, item);
    if (names_aggregation(o->s, e)) return fail_new_aggregation(o->s, e);
    for (uint32_t i = 0; i < e->arg_count; i++)
        SB_TRY(replace_mixed(o, &e->args[i]));
    return SB_OK;
}

static sb_status analyze_order(const ordering *o, sb_sort_item *item)
{
    const bool mixed = o->projection->aggregates && will_aggregate(o->s, item->expr);

    SB_TRY(mixed ? replace_mixed(o, &item->expr) : replace_parts(o, &item->expr));
    return sb_sema__plain(o->s, item->expr);
}

/* WHERE sees what ORDER BY sees, but an aggregation is none of its business, column or not. */
static sb_status analyze_where(const ordering *o, sb_expr **where)
{
    if (*where != NULL && !will_aggregate(o->s, *where)) SB_TRY(replace_parts(o, where));
    return sb_sema__predicate(o->s, *where);
}

/* ---- SKIP and LIMIT ------------------------------------------------------------------------------------------------------- */

typedef struct row_reader {
    const sb_sema *s;
    bool reads;
} row_reader;

static void note_read(void *ctx, const sb_var *var, sb_span span)
{
    row_reader *reader = ctx;
    (void)span;
    /* A comprehension's own variable is not visible out here. */
    if (var->name.size == 0 || sb_sema__find(reader->s, var->name) == var) reader->reads = true;
}

static sb_status analyze_count(sb_sema *s, sb_expr *e, const char *what)
{
    row_reader reader = {.s = s};

    if (e == NULL) return SB_OK;
    SB_TRY(sb_sema__plain(s, e));
    sb_expr_read_vars(e, note_read, &reader);
    if (reader.reads)
        return SB_SEMA_FAIL(s, e->span, SB_CYPHER_NON_CONSTANT_EXPRESSION,
                            "%s is one number for all rows: it can not depend on them", what);
    if (e->kind == SB_EXPR_INT && e->value.integer < 0)
        return SB_SEMA_FAIL(s, e->span, SB_CYPHER_NEGATIVE_INTEGER_ARGUMENT,
                            "%s is a number of rows, from 0 on", what);
    if (e->kinds == SB_KIND_NULL)
        return SB_SEMA_FAIL(s, e->span, SB_CYPHER_INVALID_ARGUMENT_TYPE,
                            "%s needs INTEGER, this is null", what);
    return sb_sema__want(s, e, SB_KIND_INT, what);
}

/* ---- All of it ------------------------------------------------------------------------------------------------------------- */

static sb_status analyze_items(sb_sema *s, sb_projection *projection)
{
    const sb_aggregation before = s->aggregation;

    for (uint32_t i = 0; i < projection->item_count; i++) {
        sb_expr *e = projection->items[i].expr;
        s->aggregation = projection->let ? SB_AGGREGATION_NO : SB_AGGREGATION_YES;
        SB_TRY(sb_sema__expr(s, e, false));
        projection->aggregates = projection->aggregates || e->aggregates;
    }
    s->aggregation = before;
    return SB_OK;
}

/* What stands behind the items, in the scope that they have made. */
static sb_status analyze_tail(sb_sema *s, sb_projection *projection, bool restricted)
{
    const ordering o = {.s = s, .projection = projection, .restricted = restricted};

    SB_TRY(bind_columns(s, projection));
    for (uint32_t i = 0; i < projection->order_count; i++)
        SB_TRY(analyze_order(&o, &projection->order[i]));
    SB_TRY(analyze_count(s, projection->skip, "SKIP"));
    SB_TRY(analyze_count(s, projection->limit, "LIMIT"));
    return analyze_where(&o, &projection->where);
}

sb_status sb_sema__projection(sb_sema *s, sb_projection *projection, bool is_with, sb_span span)
{
    sb_frame both;

    SB_TRY(expand_star(s, projection, is_with, span));
    SB_TRY(analyze_items(s, projection));
    SB_TRY(check_grouping(s, projection));
    SB_TRY(make_columns(s, projection));
    if (projection->distinct || projection->aggregates) {
        sb_sema__leave_behind(s);
        SB_TRY(analyze_tail(s, projection, true));
    } else {
        sb_sema__push(s, &both, false);
        SB_TRY(analyze_tail(s, projection, false));
        sb_sema__pop(s);
        sb_sema__leave_behind(s);
        SB_TRY(bind_columns(s, projection));
    }
    return is_with ? check_aliases(s, projection) : SB_OK;
}
