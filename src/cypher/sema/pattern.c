/* pattern.c — patterns: which variable each place has and whether it binds it, and what CREATE, MERGE and predicates allow. */
#include "cypher/sema/sema_priv.h"

typedef struct pattern_context {
    sb_pattern_use use;
    bool optional;
    const sb_frame *quantified; /* the frame of the quantified part that we are in; NULL: in none */
} pattern_context;

static bool is_writing(const pattern_context *c)
{
    return c->use == SB_PATTERN_CREATE || c->use == SB_PATTERN_MERGE;
}

static const char *clause_name(const pattern_context *c)
{
    return c->use == SB_PATTERN_CREATE ? "CREATE" : c->use == SB_PATTERN_MERGE ? "MERGE" : "MATCH";
}

/* ---- Places ---------------------------------------------------------------------------------------------------------- */

static sb_status fail_conflict(sb_sema *s, const sb_var *var, sb_span span, uint32_t wanted)
{
    return SB_SEMA_FAIL(s, span, SB_CYPHER_VARIABLE_TYPE_CONFLICT,
                        "the variable '%.*s' is %s, so it can not be %s here",
                        SB_SEMA_SHOWN(var->name), sb_sema__kind_names(var->kinds).text,
                        sb_sema__kind_names(wanted).text);
}

/* A new variable for a place; without a name it is nobody's but the place's. */
static sb_status make_place(sb_sema *s, const pattern_context *c, sb_bytes name, sb_span span,
                            uint32_t kinds, sb_var **var)
{
    if (name.size == 0) {
        SB_TRY(sb_sema__make_var(s, name, span, kinds, var));
    } else if (c->use == SB_PATTERN_PREDICATE) {
        return sb_sema__fail_undefined(s, name, span);
    } else {
        SB_TRY(sb_sema__declare(s, name, span, kinds, var));
    }
    if (c->optional) {
        (*var)->nullable = true;
        (*var)->kinds |= SB_KIND_NULL;
    }
    return SB_OK;
}

/* The variable that a place's name has already, or NULL. In a quantified part names of outside can not come again. */
static sb_status find_place(sb_sema *s, const pattern_context *c, sb_bytes name, sb_span span,
                            sb_binding **binding)
{
    *binding = name.size != 0 ? sb_sema__find_binding(s, name) : NULL;
    if (*binding != NULL && c->quantified != NULL && (*binding)->level != c->quantified->level)
        return sb_sema__fail_bound(s, name, span);
    return SB_OK;
}

static sb_status analyze_props(sb_sema *s, const pattern_context *c, sb_expr *props);

/* ---- Dynamic labels and types --------------------------------------------------------------------------------------- */

static bool any_dynamic(const sb_label_expr *labels)
{
    return labels != NULL && (labels->op == SB_LABEL_DYNAMIC || any_dynamic(labels->left) ||
                              any_dynamic(labels->right));
}

static sb_status join_labels(sb_sema *s, const sb_label_expr **all, const sb_label_expr *more)
{
    sb_label_expr *both;

    if (*all == NULL) {
        *all = more;
        return SB_OK;
    }
    SB_TRY(sb_sema__alloc(s, sizeof *both, &both));
    *both = (sb_label_expr){.op = SB_LABEL_AND, .span = more->span, .left = *all, .right = more};
    *all = both;
    return SB_OK;
}

/* Terms of a conjunction: those that are known now, and those with an expression in them. */
static sb_status part_labels(sb_sema *s, const sb_label_expr *labels, const sb_label_expr **plain,
                             const sb_label_expr **dynamic)
{
    if (labels->op != SB_LABEL_AND)
        return join_labels(s, any_dynamic(labels) ? dynamic : plain, labels);
    SB_TRY(part_labels(s, labels->left, plain, dynamic));
    return part_labels(s, labels->right, plain, dynamic);
}

/* Of CREATE and MERGE: before the place that they are written at is bound, so that nothing gives itself its labels. */
static sb_status analyze_own(sb_sema *s, const sb_label_expr *labels)
{
    if (labels == NULL) return SB_OK;
    if (labels->op == SB_LABEL_DYNAMIC) {
        SB_TRY(sb_sema__plain(s, labels->expr));
        SB_TRY(sb_sema__dynamic(s, &labels->expr, 1));
    }
    SB_TRY(analyze_own(s, labels->left));
    return analyze_own(s, labels->right);
}

static sb_status push_arg(sb_sema *s, sb_expr *e, sb_expr *arg)
{
    sb_expr **args;

    SB_TRY(sb_sema__alloc(s, (e->arg_count + 1) * sizeof(sb_expr *), &args));
    if (e->arg_count != 0) memcpy(args, e->args, e->arg_count * sizeof(sb_expr *));
    args[e->arg_count++] = arg;
    e->args = args;
    return SB_OK;
}

static sb_status dynamic_args(sb_sema *s, const sb_label_expr *labels, sb_expr *e)
{
    if (labels == NULL) return SB_OK;
    if (labels->op == SB_LABEL_DYNAMIC) {
        ((sb_label_expr *)(uintptr_t)labels)->arg = e->arg_count; /* of this statement's own tree */
        SB_TRY(push_arg(s, e, labels->expr));
    }
    SB_TRY(dynamic_args(s, labels->left, e));
    return dynamic_args(s, labels->right, e);
}

static sb_status new_expr(sb_sema *s, sb_expr_kind kind, sb_span span, sb_expr **e)
{
    SB_TRY(sb_sema__alloc(s, sizeof **e, e));
    (*e)->kind = (uint8_t)kind;
    (*e)->span = span;
    (*e)->depth = (*e)->weight = 1;
    return SB_OK;
}

/* What is matched by labels that an expression gives is a condition: `labels` keeps the others. */
static sb_status match_dynamic(sb_sema *s, sb_var *var, const sb_label_expr **labels,
                               sb_expr **where)
{
    const sb_label_expr *plain = NULL, *dynamic = NULL;
    sb_expr *has, *of, *both;

    if (!any_dynamic(*labels)) return SB_OK;
    SB_TRY(part_labels(s, *labels, &plain, &dynamic));
    SB_ASSERT(dynamic != NULL); /* there is some */
    *labels = plain;
    SB_TRY(new_expr(s, SB_EXPR_VAR, dynamic->span, &of));
    of->name = var->name;
    of->var = var;
    SB_TRY(new_expr(s, SB_EXPR_HAS_LABELS, dynamic->span, &has));
    has->labels = dynamic;
    SB_TRY(push_arg(s, has, of));
    SB_TRY(dynamic_args(s, dynamic, has));
    if (*where == NULL) {
        *where = has;
        return SB_OK;
    }
    SB_TRY(new_expr(s, SB_EXPR_BINARY, (*where)->span, &both));
    both->op = SB_OP2_AND;
    SB_TRY(push_arg(s, both, has));
    SB_TRY(push_arg(s, both, *where));
    *where = both;
    return SB_OK;
}

/* What is written has them in a list of their own; MERGE looks for them first. */
static sb_status write_dynamic(sb_sema *s, const pattern_context *c, sb_var *var,
                               const sb_label_expr **labels, sb_expr **list, sb_expr **where)
{
    const sb_label_expr *all = *labels;
    const sb_label_expr *plain = NULL, *dynamic = NULL;

    if (!any_dynamic(all)) return SB_OK;
    SB_TRY(part_labels(s, all, &plain, &dynamic));
    SB_ASSERT(dynamic != NULL); /* there is one */
    SB_TRY(new_expr(s, SB_EXPR_LIST, dynamic->span, list));
    SB_TRY(dynamic_args(s, dynamic, *list));
    (*list)->kinds = SB_KIND_LIST;
    (*list)->items = SB_KIND_STRING | SB_KIND_LIST;
    if (c->use == SB_PATTERN_MERGE) {
        SB_TRY(match_dynamic(s, var, labels, where));
        (*where)->kinds = SB_KIND_BOOL; /* its parts have been analyzed: the pattern is */
        (*where)->args[0]->kinds = var->kinds;
    }
    *labels = plain;
    return SB_OK;
}

static sb_status bind_node(sb_sema *s, const pattern_context *c, sb_node_pattern *node, bool alone)
{
    sb_binding *bound;

    if (c->use == SB_PATTERN_CREATE) {
        SB_TRY(analyze_props(s, c, node->props));
        SB_TRY(analyze_own(s, node->labels));
    }
    SB_TRY(find_place(s, c, node->name, node->span, &bound));
    node->binds = bound == NULL;
    if (bound == NULL) {
        SB_TRY(make_place(s, c, node->name, node->span, SB_KIND_NODE, &node->var));
        return is_writing(c) ? SB_OK : match_dynamic(s, node->var, &node->labels, &node->where);
    }
    node->var = bound->var;
    if (sb_sema__never(node->var->kinds, SB_KIND_NODE))
        return fail_conflict(s, node->var, node->span, SB_KIND_NODE);
    if (is_writing(c) && (alone || node->labels != NULL || node->props != NULL))
        return sb_sema__fail_bound(s, node->name, node->span);
    return is_writing(c) ? SB_OK : match_dynamic(s, node->var, &node->labels, &node->where);
}

static sb_status bind_rel(sb_sema *s, const pattern_context *c, sb_rel_pattern *rel)
{
    const uint32_t kinds = rel->variable ? SB_KIND_LIST : SB_KIND_REL;
    sb_binding *bound;

    if (c->use == SB_PATTERN_CREATE) {
        SB_TRY(analyze_props(s, c, rel->props));
        SB_TRY(analyze_own(s, rel->types));
    }
    if (rel->variable && any_dynamic(rel->types))
        return SB_SEMA_FAIL(s, rel->types->span, SB_CYPHER_INVALID_RELATIONSHIP_PATTERN,
                            "a relationship of variable length has no dynamic type: write "
                            "(()-[:$(…)]->()){1,3}");
    SB_TRY(find_place(s, c, rel->name, rel->span, &bound));
    rel->binds = bound == NULL;
    if (bound == NULL) {
        SB_TRY(make_place(s, c, rel->name, rel->span, kinds, &rel->var));
        if (!is_writing(c)) SB_TRY(match_dynamic(s, rel->var, &rel->types, &rel->where));
        rel->var->items = rel->variable ? SB_KIND_REL : SB_KIND_ANY;
        if (rel->name.size != 0) sb_sema__find_binding(s, rel->name)->pattern = s->pattern;
        return SB_OK;
    }
    rel->var = bound->var;
    if (is_writing(c)) return sb_sema__fail_bound(s, rel->name, rel->span);
    if (sb_sema__never(rel->var->kinds, kinds)) return fail_conflict(s, rel->var, rel->span, kinds);
    if (bound->pattern == s->pattern)
        return SB_SEMA_FAIL(s, rel->span, SB_CYPHER_RELATIONSHIP_UNIQUENESS_VIOLATION,
                            "'%.*s' is two relationships of one pattern, which are never the same",
                            SB_SEMA_SHOWN(rel->name));
    bound->pattern = s->pattern;
    return match_dynamic(s, rel->var, &rel->types, &rel->where);
}

/* ---- Parts ----------------------------------------------------------------------------------------------------------- */

static sb_status bind_part(sb_sema *s, const pattern_context *c, sb_pattern_part *part);

static uint32_t group_items(const sb_var *inner)
{
    return (inner->kinds & (SB_KIND_NODE | SB_KIND_REL | SB_KIND_LIST));
}

/* Outside of a quantified part each of its variables is a list. */
static sb_status bind_groups(sb_sema *s, const pattern_context *c, sb_quantified *quantified,
                             sb_var **inner, uint32_t count)
{
    SB_TRY(sb_sema__alloc(s, count * sizeof *quantified->groups, &quantified->groups));
    quantified->group_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct sb_group_var *group = &quantified->groups[i];
        group->inner = inner[i];
        SB_TRY(make_place(s, c, inner[i]->name, inner[i]->span, SB_KIND_LIST, &group->outer));
        group->outer->items = group_items(inner[i]);
    }
    return SB_OK;
}

/* Behind the named variables: relationships without a name, which are told apart and are in paths all the same. */
static sb_status add_unnamed(sb_sema *s, const sb_pattern_part *part, sb_var ***inner,
                             uint32_t *count)
{
    const size_t most = (size_t)*count + part->step_count;
    sb_var **all;

    SB_TRY(sb_sema__alloc(s, most * sizeof(sb_var *), &all));
    for (uint32_t i = 0; i < *count; i++)
        all[i] = (*inner)[i];
    for (uint32_t i = 0; i < part->step_count; i++)
        if (part->steps[i].rel != NULL && part->steps[i].rel->name.size == 0)
            all[(*count)++] = part->steps[i].rel->var;
    *inner = all;
    return SB_OK;
}

static sb_status bind_quantified(sb_sema *s, const pattern_context *c, sb_quantified *quantified)
{
    pattern_context inside = *c;
    sb_frame frame;
    sb_var **inner;
    uint32_t count;

    sb_sema__push(s, &frame, false);
    inside.quantified = &frame;
    inside.optional = false;
    SB_TRY(bind_part(s, &inside, quantified->part));
    SB_TRY(sb_sema__list(s, s->frame, false, &inner, &count));
    sb_sema__pop(s);
    SB_TRY(add_unnamed(s, quantified->part, &inner, &count));
    return bind_groups(s, c, quantified, inner, count);
}

static sb_status check_function(sb_sema *s, const sb_pattern_part *part)
{
    if (!part->selector_is_function) return SB_OK;
    if (part->step_count == 1 && part->steps[0].rel != NULL) return SB_OK;
    return SB_SEMA_FAIL(s, part->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                        "shortestPath takes a pattern of one relationship: (a)-[*]->(b)");
}

static sb_status bind_part(sb_sema *s, const pattern_context *c, sb_pattern_part *part)
{
    SB_TRY(check_function(s, part));
    SB_TRY(bind_node(s, c, part->start, part->step_count == 0));
    for (uint32_t i = 0; i < part->step_count; i++) {
        sb_step *step = &part->steps[i];
        SB_TRY(step->rel != NULL ? bind_rel(s, c, step->rel)
                                 : bind_quantified(s, c, step->quantified));
        SB_TRY(bind_node(s, c, step->node, false));
    }
    if (part->name.size == 0) return SB_OK;
    if (sb_sema__find(s, part->name) != NULL) return sb_sema__fail_bound(s, part->name, part->span);
    return make_place(s, c, part->name, part->span, SB_KIND_PATH, &part->var);
}

/* ---- What is written ------------------------------------------------------------------------------------------------- */

static bool is_conjunction(const sb_label_expr *labels)
{
    if (labels == NULL || labels->op == SB_LABEL_NAME) return true;
    if (labels->op == SB_LABEL_DYNAMIC) return !labels->any;
    return labels->op == SB_LABEL_AND && is_conjunction(labels->left) &&
           is_conjunction(labels->right);
}

static sb_status refuse_where(sb_sema *s, const pattern_context *c, const sb_expr *where)
{
    if (where == NULL) return SB_OK;
    return SB_SEMA_FAIL(s, where->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                        "a pattern of %s has no WHERE: write properties, {key: value}, or MATCH "
                        "before it",
                        clause_name(c));
}

static sb_status check_written_node(sb_sema *s, const pattern_context *c, sb_node_pattern *node)
{
    if (!is_conjunction(node->labels))
        return SB_SEMA_FAIL(s, node->labels->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                            "%s gives a node labels, :A:B: there is nothing to choose",
                            clause_name(c));
    SB_TRY(refuse_where(s, c, node->where));
    return write_dynamic(s, c, node->var, &node->labels, &node->dynamic, &node->where);
}

static sb_status check_written_rel(sb_sema *s, const pattern_context *c, sb_rel_pattern *rel)
{
    if (rel->variable)
        return SB_SEMA_FAIL(s, rel->span, SB_CYPHER_CREATING_VAR_LENGTH,
                            "%s makes single relationships, none of variable length",
                            clause_name(c));
    if (rel->types == NULL || !(rel->types->op == SB_LABEL_NAME ||
                                (rel->types->op == SB_LABEL_DYNAMIC && !rel->types->any)))
        return SB_SEMA_FAIL(s, rel->span, SB_CYPHER_NO_SINGLE_RELATIONSHIP_TYPE,
                            "%s needs the one type of the relationship: -[:TYPE]->",
                            clause_name(c));
    if (c->use == SB_PATTERN_CREATE && rel->direction == SB_REL_EITHER)
        return SB_SEMA_FAIL(s, rel->span, SB_CYPHER_REQUIRES_DIRECTED_RELATIONSHIP,
                            "CREATE needs the relationship's one direction: -[:TYPE]->");
    SB_TRY(refuse_where(s, c, rel->where));
    return write_dynamic(s, c, rel->var, &rel->types, &rel->dynamic, &rel->where);
}

static sb_status check_written(sb_sema *s, const pattern_context *c, const sb_pattern_part *part)
{
    if (!is_writing(c)) return SB_OK;
    if (part->selector != SB_PATHS_ALL || part->where != NULL)
        return SB_SEMA_FAIL(s, part->span, SB_CYPHER_UNEXPECTED_SYNTAX,
                            "a pattern of %s is not selected among others", clause_name(c));
    SB_TRY(check_written_node(s, c, part->start));
    for (uint32_t i = 0; i < part->step_count; i++) {
        const sb_step *step = &part->steps[i];
        if (step->rel == NULL)
            return SB_SEMA_FAIL(s, step->quantified->span, SB_CYPHER_CREATING_VAR_LENGTH,
                                "%s makes single relationships, none of variable length",
                                clause_name(c));
        SB_TRY(check_written_rel(s, c, step->rel));
        SB_TRY(check_written_node(s, c, step->node));
    }
    return SB_OK;
}

/* ---- Expressions in patterns ------------------------------------------------------------------------------------------- */

static sb_status analyze_props(sb_sema *s, const pattern_context *c, sb_expr *props)
{
    if (props == NULL) return SB_OK;
    if (props->kind == SB_EXPR_PARAM && c->use != SB_PATTERN_CREATE)
        return SB_SEMA_FAIL(
            s, props->span, SB_CYPHER_INVALID_PARAMETER_USE,
            "properties of a pattern are written out, {key: $value}, but for CREATE");
    return sb_sema__plain(s, props);
}

sb_status sb_sema__dynamic(sb_sema *s, sb_expr *const *exprs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        SB_TRY(
            sb_sema__want(s, exprs[i], SB_KIND_STRING | SB_KIND_LIST, "a dynamic label or type"));
    return SB_OK;
}

/* What MERGE makes is analyzed before its variables are bound, so that a WHERE would fail for these. */
static sb_status analyze_where(sb_sema *s, const pattern_context *c, sb_expr *where)
{
    return is_writing(c) ? refuse_where(s, c, where) : sb_sema__predicate(s, where);
}

static sb_status analyze_node(sb_sema *s, const pattern_context *c, const sb_node_pattern *node)
{
    if (!is_writing(c)) {
        SB_TRY(sb_sema__ask_labels(s, node->labels, SB_ASKED_LABEL));
        SB_TRY(sb_sema__ask_props(s, node->props));
    }
    SB_TRY(analyze_props(s, c, node->props));
    if (is_writing(c)) SB_TRY(analyze_own(s, node->labels));
    return analyze_where(s, c, node->where);
}

static sb_status analyze_part(sb_sema *s, const pattern_context *c, const sb_pattern_part *part);

static sb_status analyze_quantified(sb_sema *s, const pattern_context *c,
                                    const sb_quantified *quantified)
{
    sb_frame frame;

    sb_sema__push(s, &frame, false);
    for (uint32_t i = 0; i < quantified->group_count; i++)
        if (quantified->groups[i].inner->name.size != 0)
            SB_TRY(sb_sema__bind(s, quantified->groups[i].inner));
    SB_TRY(analyze_part(s, c, quantified->part));
    SB_TRY(sb_sema__predicate(s, quantified->where));
    sb_sema__pop(s);
    return SB_OK;
}

static sb_status analyze_part(sb_sema *s, const pattern_context *c, const sb_pattern_part *part)
{
    SB_TRY(analyze_node(s, c, part->start));
    for (uint32_t i = 0; i < part->step_count; i++) {
        const sb_step *step = &part->steps[i];
        if (step->rel != NULL) {
            if (!is_writing(c)) {
                SB_TRY(sb_sema__ask_labels(s, step->rel->types, SB_ASKED_TYPE));
                SB_TRY(sb_sema__ask_props(s, step->rel->props));
            }
            SB_TRY(analyze_props(s, c, step->rel->props));
            if (is_writing(c)) SB_TRY(analyze_own(s, step->rel->types));
            SB_TRY(analyze_where(s, c, step->rel->where));
        } else {
            SB_TRY(analyze_quantified(s, c, step->quantified));
        }
        SB_TRY(analyze_node(s, c, step->node));
    }
    return sb_sema__predicate(s, part->where);
}

static sb_status analyze_all(sb_sema *s, const pattern_context *c, const sb_pattern *pattern)
{
    for (uint32_t i = 0; i < pattern->part_count; i++)
        SB_TRY(analyze_part(s, c, pattern->parts[i]));
    return SB_OK;
}

static sb_status bind_all(sb_sema *s, const pattern_context *c, const sb_pattern *pattern)
{
    s->pattern++;
    for (uint32_t i = 0; i < pattern->part_count; i++) {
        SB_TRY(bind_part(s, c, pattern->parts[i]));
        SB_TRY(check_written(s, c, pattern->parts[i]));
    }
    return SB_OK;
}

sb_status sb_sema__pattern(sb_sema *s, const sb_pattern *pattern, sb_pattern_use use, bool optional)
{
    const pattern_context c = {.use = use, .optional = optional};

    /* What is matched may look at all of the pattern. What CREATE makes may look at what stands before it (bind_node and bind_rel have done
     * that); MERGE is one step, which may look at what there was before it. */
    if (use == SB_PATTERN_MERGE) SB_TRY(analyze_all(s, &c, pattern));
    SB_TRY(bind_all(s, &c, pattern));
    return is_writing(&c) ? SB_OK : analyze_all(s, &c, pattern);
}
