/* match.c — from the patterns of a MATCH (or CREATE) to a graph of nodes, edges and predicates.
 * Labels, inline properties and WHERE all become predicates; order.c decides when each is checked. */
#include "cypher/parse/parse.h"
#include "cypher/plan/plan_priv.h"

#define JOINED_MAX 64u /* nodes and edges of clauses that are planned together */

/* How much of a pattern there is, to size the arrays. */
typedef struct pattern_size {
    uint32_t nodes, edges, paths;
} pattern_size;

static pattern_size measure(const sb_pattern *pattern)
{
    pattern_size size = {0, 0, 0};

    for (uint32_t i = 0; i < pattern->part_count; i++) {
        size.nodes += 1 + pattern->parts[i]->step_count;
        size.edges += pattern->parts[i]->step_count;
        size.paths += pattern->parts[i]->var != NULL;
    }
    return size;
}

/* ---- Predicates -------------------------------------------------------------------------------------------------- */

static sb_status add_predicate(sb_planner *p, sb_pattern_graph *graph, sb_expr *expr)
{
    if (graph->predicate_count == graph->predicate_capacity) {
        const uint32_t grown = graph->predicate_capacity == 0 ? 8 : graph->predicate_capacity * 2;
        sb_predicate *all;

        SB_TRY(sb_plan__alloc(p, grown, sizeof *all, &all));
        for (uint32_t i = 0; i < graph->predicate_count; i++)
            all[i] = graph->predicates[i];
        graph->predicates = all;
        graph->predicate_capacity = grown;
    }
    sb_predicate *const predicate = &graph->predicates[graph->predicate_count++];
    *predicate = (sb_predicate){.expr = expr};
    return sb_plan__expr_needs(p, expr, &predicate->needs);
}

sb_status sb_plan__add_predicates(sb_planner *p, sb_pattern_graph *graph, sb_expr *expr)
{
    if (expr == NULL) return SB_OK;
    if (expr->kind != SB_EXPR_BINARY || expr->op != SB_OP2_AND) {
        SB_TRY(sb_plan__ask_existence(p, &expr));
        return add_predicate(p, graph, expr);
    }
    SB_TRY(sb_plan__add_predicates(p, graph, expr->args[0]));
    return sb_plan__add_predicates(p, graph, expr->args[1]);
}

/* {k: v, …} of a node or relationship: k = v for each. */
static sb_status add_properties(sb_planner *p, sb_pattern_graph *graph, sb_var *var,
                                const sb_expr *props)
{
    if (props == NULL) return SB_OK;
    SB_ASSERT(props->kind == SB_EXPR_MAP); /* sema: parameters are not allowed here */
    for (uint32_t i = 0; i < props->arg_count; i++) {
        sb_expr *property;
        sb_expr *equal;

        SB_TRY(sb_plan__expr_property(p, var, props->keys[i], props->args[i]->span, &property));
        SB_TRY(sb_plan__expr_binary(p, SB_OP2_EQ, property, props->args[i], &equal));
        equal->kinds = SB_KIND_BOOL | SB_KIND_NULL;
        SB_TRY(add_predicate(p, graph, equal));
    }
    return SB_OK;
}

/* ---- Nodes and edges ----------------------------------------------------------------------------------------------- */

static sb_status add_node(sb_planner *p, sb_pattern_graph *graph, const sb_node_pattern *pattern)
{
    sb_pattern_node *node = NULL;

    SB_TRY(sb_plan__work(p, graph->node_count));
    for (uint32_t i = 0; i < graph->node_count && node == NULL; i++)
        if (graph->nodes[i].var == pattern->var) node = &graph->nodes[i];
    if (node == NULL) {
        node = &graph->nodes[graph->node_count++];
        *node = (sb_pattern_node){pattern->var, NULL};
    }
    if (pattern->labels != NULL) {
        if (node->labels == NULL) {
            node->labels = pattern->labels;
        } else {
            sb_label_expr *both;

            SB_TRY(sb_plan__alloc(p, 1, sizeof *both, &both));
            *both = (sb_label_expr){.op = SB_LABEL_AND,
                                    .span = pattern->labels->span,
                                    .left = node->labels,
                                    .right = pattern->labels};
            node->labels = both;
        }
    }
    SB_TRY(add_properties(p, graph, pattern->var, pattern->props));
    return sb_plan__add_predicates(p, graph, pattern->where);
}

static bool takes_any(const sb_node_pattern *node)
{
    return node->labels == NULL && node->props == NULL && node->where == NULL;
}

/* Is it one relationship that could have a quantifier of its own, between nodes of which nobody reads the lists? */
static bool is_one_relationship(const sb_quantified *q)
{
    const sb_step *const step = &q->part->steps[0];

    if (q->where != NULL || q->part->step_count != 1 || !takes_any(q->part->start) ||
        !takes_any(step->node) || q->part->start->var == step->node->var)
        return false;
    const sb_rel_pattern *const rel = step->rel;
    if (rel->variable || rel->props != NULL || rel->where != NULL ||
        !sb_label_is_choice(rel->types))
        return false;
    for (uint32_t i = 0; i < q->group_count; i++)
        if (q->groups[i].inner != rel->var && q->groups[i].outer->sought) return false;
    return true;
}

/* (a)((x)-[r:R]->(y)){1,3}(b), of which nobody reads x and y, is (a)-[r:R*1..3]->(b): what can be planned for the one, a search
 * breadth first, say, is there for the other. It has no path, whose parts are those that are written. *rel NULL: it is not so. */
static sb_status as_variable_length(sb_planner *p, const sb_quantified *q, sb_rel_pattern **rel)
{
    *rel = NULL;
    if (!is_one_relationship(q)) return SB_OK;
    SB_TRY(sb_plan__alloc(p, 1, sizeof **rel, rel));
    **rel = *q->part->steps[0].rel;
    for (uint32_t i = 0; i < q->group_count; i++)
        if (q->groups[i].inner == (*rel)->var) {
            (*rel)->var = q->groups[i].outer;
            break;
        }
    (*rel)->variable = true;
    (*rel)->min = q->min;
    (*rel)->max = q->max;
    return SB_OK;
}

static sb_status add_edge(sb_planner *p, sb_pattern_graph *graph, const sb_slot_set *bound,
                          const sb_pattern_part *part, const sb_step *step, sb_var *from)
{
    sb_pattern_edge *const edge = &graph->edges[graph->edge_count++];
    sb_rel_pattern *rel = step->rel;

    if (rel == NULL && part->var == NULL && part->selector == SB_PATHS_ALL)
        SB_TRY(as_variable_length(p, step->quantified, &rel));
    *edge = (sb_pattern_edge){.rel = rel,
                              .quantified = rel == NULL ? step->quantified : NULL,
                              .from = from,
                              .to = step->node->var};
    if (rel == NULL) return sb_plan__quantified_needs(p, step->quantified, &edge->needs);
    edge->var = rel->var;
    edge->var_bound = sb_plan__set_has(bound, rel->var->slot);
    if (rel->variable) /* its properties are checked on the way */
        return rel->props == NULL ? SB_OK : sb_plan__expr_needs(p, rel->props, &edge->needs);
    SB_TRY(add_properties(p, graph, rel->var, rel->props));
    return sb_plan__add_predicates(p, graph, rel->where);
}

/* The variables of a part in order, for its path. */
static sb_status add_path(sb_planner *p, sb_pattern_graph *graph, const sb_pattern_part *part)
{
    sb_pattern_path *const path = &graph->paths[graph->path_count++];
    uint32_t capacity = 1;

    for (uint32_t i = 0; i < part->step_count; i++)
        capacity += part->steps[i].rel != NULL ? 2 : 1 + part->steps[i].quantified->group_count;
    *path = (sb_pattern_path){.var = part->var};
    SB_TRY(sb_plan__alloc(p, capacity, sizeof *path->parts, &path->parts));
    path->parts[path->count++] = part->start->var;
    for (uint32_t i = 0; i < part->step_count; i++) {
        const sb_step *step = &part->steps[i];

        if (step->rel != NULL) {
            path->parts[path->count++] = step->rel->var;
        } else { /* lists of all relationships of the repetitions, interleaved when the path is made */
            const sb_pattern_part *inner = step->quantified->part;

            for (uint32_t k = 0; k < inner->step_count; k++)
                for (uint32_t g = 0; g < step->quantified->group_count; g++)
                    if (inner->steps[k].rel != NULL &&
                        step->quantified->groups[g].inner == inner->steps[k].rel->var)
                        path->parts[path->count++] = step->quantified->groups[g].outer;
        }
        path->parts[path->count++] = step->node->var;
    }
    return SB_OK;
}

static sb_status add_part(sb_planner *p, sb_pattern_graph *graph, const sb_slot_set *bound,
                          sb_pattern_part *part)
{
    sb_var *from = part->start->var;

    SB_TRY(add_node(p, graph, part->start));
    for (uint32_t i = 0; i < part->step_count; i++) {
        SB_TRY(add_node(p, graph, part->steps[i].node));
        SB_TRY(add_edge(p, graph, bound, part, &part->steps[i], from));
        if (part->selector != SB_PATHS_ALL) graph->edges[graph->edge_count - 1].shortest = part;
        from = part->steps[i].node->var;
    }
    SB_TRY(sb_plan__add_predicates(p, graph, part->where));
    /* The operator for shortest paths makes the path itself. */
    if (part->var == NULL || (part->selector != SB_PATHS_ALL && part->step_count != 0))
        return SB_OK;
    return add_path(p, graph, part);
}

/* A node that has its value already, and stands alone: it may be null, which matches nothing. Elsewhere an expansion finds that out. */
static sb_status refuse_nulls(sb_planner *p, sb_pattern_graph *graph, const sb_slot_set *bound)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        const sb_var *const var = graph->nodes[i].var;
        bool alone = (var->nullable || (var->kinds & SB_KIND_NULL) != 0) &&
                     sb_plan__set_has(bound, var->slot);
        sb_expr *not_null;

        for (uint32_t k = 0; alone && k < graph->edge_count; k++)
            alone = graph->edges[k].from != var && graph->edges[k].to != var;
        if (!alone) continue;
        SB_TRY(sb_plan__expr_not_null(p, var, &not_null));
        SB_TRY(add_predicate(p, graph, not_null));
    }
    return SB_OK;
}

/* ---- The clause ------------------------------------------------------------------------------------------------------ */

static sb_status make_paths(sb_planner *p, const sb_pattern_graph *graph, sb_slot_set *bound,
                            sb_plan **plan)
{
    for (uint32_t i = 0; i < graph->path_count; i++) {
        SB_TRY(sb_plan__new(p, SB_PLAN_PATH, *plan, plan));
        (*plan)->as.path.path = graph->paths[i].var;
        (*plan)->as.path.parts = graph->paths[i].parts;
        (*plan)->as.path.count = graph->paths[i].count;
        SB_TRY(sb_plan__set_add(p, bound, graph->paths[i].var->slot));
    }
    return SB_OK;
}

bool sb_plan__expr_volatile(const sb_expr *e)
{
    if (e == NULL) return false;
    if (e->kind == SB_EXPR_CALL && e->function != NULL &&
        (e->function->flags & SB_FUNC_VOLATILE) != 0)
        return true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (sb_plan__expr_volatile(e->args[i])) return true;
    return false;
}

/* A predicate with rand() in it waits for all of the pattern, lest it be asked once for all rows. (A seek may still use one for its
 * value, once for each row that it is run for.) */
static sb_status hold_back(sb_planner *p, sb_pattern_graph *graph)
{
    for (uint32_t i = 0; i < graph->predicate_count; i++) {
        sb_predicate *const predicate = &graph->predicates[i];

        predicate->differs = sb_plan__expr_volatile(predicate->expr);
        if (!predicate->differs) continue;
        for (uint32_t k = 0; k < graph->node_count; k++)
            SB_TRY(sb_plan__set_add(p, &predicate->needs, graph->nodes[k].var->slot));
        for (uint32_t k = 0; k < graph->edge_count; k++)
            if (graph->edges[k].var != NULL)
                SB_TRY(sb_plan__set_add(p, &predicate->needs, graph->edges[k].var->slot));
    }
    return SB_OK;
}

/* How often a predicate is asked, as far as that is known before the order: for each node of the rarest kind that it reads. */
static sb_status times_asked(sb_planner *p, const sb_pattern_graph *graph,
                             const sb_predicate *predicate, double *times)
{
    bool any = false;

    *times = 1;
    for (uint32_t i = 0; i < graph->node_count; i++) {
        double nodes;

        if (!sb_plan__set_has(&predicate->needs, graph->nodes[i].var->slot)) continue;
        SB_TRY(sb_plan__estimate_nodes(p, graph->nodes[i].labels, &nodes));
        if (!any || nodes < *times) *times = nodes;
        any = true;
    }
    return SB_OK;
}

/* Sub-queries inside predicates: by the time one is evaluated all variables of the clause that it mentions have values. */
static sb_status plan_expressions(sb_planner *p, const sb_pattern_graph *graph,
                                  const sb_slot_set *bound)
{
    sb_slot_set all;

    SB_TRY(sb_plan__set_copy(p, bound, &all));
    for (uint32_t i = 0; i < graph->node_count; i++)
        SB_TRY(sb_plan__set_add(p, &all, graph->nodes[i].var->slot));
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        const sb_pattern_edge *e = &graph->edges[i];

        if (e->var != NULL) SB_TRY(sb_plan__set_add(p, &all, e->var->slot));
        if (e->shortest != NULL && e->shortest->var != NULL)
            SB_TRY(sb_plan__set_add(p, &all, e->shortest->var->slot));
        for (uint32_t k = 0; e->quantified != NULL && k < e->quantified->group_count; k++)
            SB_TRY(sb_plan__set_add(p, &all, e->quantified->groups[k].outer->slot));
    }
    for (uint32_t i = 0; i < graph->path_count; i++)
        SB_TRY(sb_plan__set_add(p, &all, graph->paths[i].var->slot));
    for (uint32_t i = 0; i < graph->predicate_count; i++) {
        double times;

        SB_TRY(times_asked(p, graph, &graph->predicates[i], &times));
        const double runs = sb_plan__run_for_each(p, times);
        SB_TRY(sb_plan__expr(p, graph->predicates[i].expr, &all));
        p->runs = runs;
    }
    for (uint32_t i = 0; i < graph->edge_count; i++)
        if (graph->edges[i].rel != NULL) SB_TRY(sb_plan__expr(p, graph->edges[i].rel->props, &all));
    return SB_OK;
}

/* Room for what patterns of this size have. */
static sb_status open_graph(sb_planner *p, pattern_size size, sb_pattern_graph *graph)
{
    *graph = (sb_pattern_graph){0};
    SB_TRY(sb_plan__alloc(p, size.nodes, sizeof *graph->nodes, &graph->nodes));
    if (size.edges != 0) SB_TRY(sb_plan__alloc(p, size.edges, sizeof *graph->edges, &graph->edges));
    return size.paths == 0 ? SB_OK
                           : sb_plan__alloc(p, size.paths, sizeof *graph->paths, &graph->paths);
}

/* clause: relationships of one are different ones. */
static sb_status add_pattern(sb_planner *p, sb_pattern_graph *graph, const sb_slot_set *bound,
                             const sb_pattern *pattern, sb_expr *where, uint32_t clause)
{
    const uint32_t edges = graph->edge_count;

    for (uint32_t i = 0; i < pattern->part_count; i++)
        SB_TRY(add_part(p, graph, bound, pattern->parts[i]));
    for (uint32_t i = edges; i < graph->edge_count; i++)
        graph->edges[i].clause = clause;
    return sb_plan__add_predicates(p, graph, where);
}

static sb_status plan_graph(sb_planner *p, sb_pattern_graph *graph, sb_plan *input,
                            sb_slot_set *bound, sb_plan **plan)
{
    SB_TRY(refuse_nulls(p, graph, bound));
    SB_TRY(hold_back(p, graph));
    SB_TRY(plan_expressions(p, graph, bound));
    SB_TRY(sb_plan__order(p, graph, input, bound, plan));
    SB_TRY(sb_plan__check_hints(p, graph, *plan));
    SB_TRY(make_paths(p, graph, bound, plan));
    for (uint32_t i = 0; i < graph->predicate_count; i++) { /* those that read a path */
        if (graph->predicates[i].used) continue;
        SB_TRY(sb_plan__filter(p, *plan, graph->predicates[i].expr, bound, plan));
    }
    return SB_OK;
}

/* ---- Selectors over what is not searched by length ------------------------------------------------------------------------------- */

/* One relationship, of which there is no longer path. */
static bool is_single(const sb_pattern_part *part)
{
    return part->step_count == 1 && part->steps[0].rel != NULL && !part->steps[0].rel->variable;
}

/* A selector over a part of one relationship as such, of more than one, or with a condition on what it selects from: all its paths are made for
 * each row, then those are taken that it wants. */
static sb_pattern_part *selected_part(const sb_pattern *pattern)
{
    for (uint32_t i = 0; i < pattern->part_count; i++) {
        sb_pattern_part *part = pattern->parts[i];

        if (part->selector == SB_PATHS_ALL) continue;
        if (is_single(part)) return part;
        if (!part->selector_is_function && (part->step_count > 1 || part->where != NULL))
            return part;
    }
    return NULL;
}

static sb_var *last_node(const sb_pattern_part *part)
{
    return part->step_count == 0 ? part->start->var : part->steps[part->step_count - 1].node->var;
}

/* Conditions on what is known (the two ends) alone choose no path: they may be asked first. The others wait until paths have been
 * selected. */
static sb_status part_where(sb_planner *p, sb_expr *where, const sb_slot_set *ends, sb_expr **first,
                            sb_expr **then)
{
    sb_slot_set needs = {NULL, 0};
    sb_expr **into;

    if (where == NULL) return SB_OK;
    if (where->kind == SB_EXPR_BINARY && where->op == SB_OP2_AND) {
        SB_TRY(part_where(p, where->args[0], ends, first, then));
        return part_where(p, where->args[1], ends, first, then);
    }
    SB_TRY(sb_plan__expr_needs(p, where, &needs));
    into = sb_plan__set_within(&needs, ends) && !sb_plan__expr_volatile(where) ? first : then;
    if (*into == NULL) {
        *into = where;
        return SB_OK;
    }
    return sb_plan__expr_binary(p, SB_OP2_AND, *into, where, into);
}

/* Paths are selected for each two ends. So what a condition beside the paths that are selected from, ANY SHORTEST ((a)-->+(b) WHERE …), says of the ends
 * alone may as well be asked of the ends: such a part is searched by length. Its condition then goes to *where. */
static sb_status free_ends(sb_planner *p, const sb_slot_set *bound, sb_pattern *pattern,
                           sb_expr **where)
{
    bool copied = false;

    for (uint32_t i = 0; i < pattern->part_count; i++) {
        const sb_pattern_part *part = pattern->parts[i];
        sb_expr *first = NULL, *then = NULL;
        sb_pattern_part *freed, **parts;
        sb_slot_set ends;

        if (part->selector == SB_PATHS_ALL || part->selector_is_function || part->where == NULL ||
            part->step_count != 1 || is_single(part))
            continue;
        SB_TRY(sb_plan__set_copy(p, bound, &ends));
        SB_TRY(sb_plan__set_add(p, &ends, part->start->var->slot));
        SB_TRY(sb_plan__set_add(p, &ends, last_node(part)->slot));
        SB_TRY(part_where(p, part->where, &ends, &first, &then));
        if (then != NULL) continue;
        if (!copied) {
            SB_TRY(sb_plan__alloc(p, pattern->part_count, sizeof *parts, &parts));
            memcpy(parts, pattern->parts, pattern->part_count * sizeof *parts);
            pattern->parts = parts;
            copied = true;
        }
        SB_TRY(sb_plan__alloc(p, 1, sizeof *freed, &freed));
        *freed = *part;
        freed->where = NULL;
        pattern->parts[i] = freed;
        if (*where == NULL)
            *where = first;
        else
            SB_TRY(sb_plan__expr_binary(p, SB_OP2_AND, *where, first, where));
    }
    return SB_OK;
}

static sb_status select_paths(sb_planner *p, const sb_pattern_part *part,
                              const sb_pattern_path *path, sb_plan *input, sb_plan **plan)
{
    const sb_var **parts;

    SB_TRY(sb_plan__new(p, SB_PLAN_SELECT_PATHS, input, plan));
    SB_TRY(sb_plan__alloc(p, path->count, sizeof *parts, &parts));
    (*plan)->as.select.parts = parts;
    for (uint32_t i = 0; i < path->count; i++)
        if ((path->parts[i]->kinds & SB_KIND_NODE) == 0)
            parts[(*plan)->as.select.part_count++] = path->parts[i];
    (*plan)->as.select.from = part->start->var;
    (*plan)->as.select.to = last_node(part);
    (*plan)->as.select.selector = part->selector;
    (*plan)->as.select.count = part->selector_count;
    (*plan)->cost = input->cost + input->rows * 2;
    return SB_OK;
}

/* Does the condition on what is selected from read the path? Then it is made before. */
static sb_status reads_path(sb_planner *p, const sb_pattern_part *part, const sb_expr *where,
                            bool *reads)
{
    sb_slot_set needs = {NULL, 0};

    *reads = false;
    if (part->var == NULL || where == NULL) return SB_OK;
    SB_TRY(sb_plan__expr_needs(p, where, &needs));
    *reads = sb_plan__set_has(&needs, part->var->slot);
    return SB_OK;
}

static sb_status match_selected(sb_planner *p, const sb_pattern *pattern, sb_pattern_part *part,
                                sb_expr *where, sb_plan *input, sb_slot_set *bound, sb_plan **plan)
{
    sb_pattern_part all = *part;
    sb_pattern_part *inner_part = &all;
    sb_pattern inner_pattern = *pattern;
    sb_pattern_path path[1];
    sb_pattern_graph graph = {.paths = path};
    sb_slot_set inner_bound, ends;
    /* What is asked of the path is part of what shortestPath() looks for. */
    sb_expr *first = part->selector_is_function ? where : part->where, *then = NULL;
    sb_plan *inner, *apply;
    bool made_before;

    SB_TRY(reads_path(p, part, first, &made_before));
    all.selector = SB_PATHS_ALL;
    if (!made_before) all.var = NULL;
    all.where = NULL;
    inner_pattern.parts = &inner_part;
    SB_TRY(sb_plan__set_copy(p, bound, &ends));
    SB_TRY(sb_plan__set_add(p, &ends, part->start->var->slot));
    SB_TRY(sb_plan__set_add(p, &ends, last_node(part)->slot));
    if (!part->selector_is_function) SB_TRY(part_where(p, where, &ends, &first, &then));
    SB_TRY(sb_plan__set_copy(p, bound, &inner_bound));
    SB_TRY(sb_plan__argument(p, 1, &inner));
    SB_TRY(sb_plan__match(p, &inner_pattern, first, inner, &inner_bound, &inner));
    SB_TRY(add_path(p, &graph, part));
    SB_TRY(select_paths(p, part, &path[0], inner, &inner));
    SB_TRY(sb_plan__new(p, SB_PLAN_APPLY, input, &apply));
    apply->inner = inner;
    apply->rows = input->rows * (inner->rows < 1 ? 1 : inner->rows);
    apply->cost = input->cost + input->rows * (inner->cost + 1);
    *plan = apply;
    SB_TRY(sb_plan__set_add_all(p, bound, &inner_bound));
    if (part->var != NULL && !made_before) SB_TRY(make_paths(p, &graph, bound, plan));
    if (then == NULL) return SB_OK;
    SB_TRY(sb_plan__expr(p, then, bound));
    return sb_plan__filter(p, *plan, then, bound, plan);
}

static sb_status add_pattern_slots(sb_planner *p, const sb_pattern *pattern, sb_slot_set *set)
{
    for (uint32_t i = 0; i < pattern->part_count; i++) {
        const sb_pattern_part *part = pattern->parts[i];

        if (part->var != NULL) SB_TRY(sb_plan__set_add(p, set, part->var->slot));
        SB_TRY(sb_plan__set_add(p, set, part->start->var->slot));
        for (uint32_t k = 0; k < part->step_count; k++) {
            const sb_quantified *q = part->steps[k].quantified;

            if (q == NULL) SB_TRY(sb_plan__set_add(p, set, part->steps[k].rel->var->slot));
            for (uint32_t g = 0; q != NULL && g < q->group_count; g++)
                SB_TRY(sb_plan__set_add(p, set, q->groups[g].outer->slot));
            SB_TRY(sb_plan__set_add(p, set, part->steps[k].node->var->slot));
        }
    }
    return SB_OK;
}

/* The other parts first, with what is asked of them alone: they may bind the ends. */
static sb_status match_beside(sb_planner *p, const sb_pattern *pattern, sb_pattern_part *part,
                              sb_expr *where, sb_plan *input, sb_slot_set *bound, sb_plan **plan)
{
    sb_pattern others = *pattern, own = {.parts = &part, .part_count = 1};
    sb_slot_set known;
    sb_expr *first = NULL, *then = NULL;

    if (!is_single(part) || part->where != NULL)
        return sb_cypher_fail(
            p->err, p->text, part->span, SB_CYPHER_UNEXPECTED_SYNTAX,
            "A path selector over several relationships, or with WHERE, takes a MATCH of its own");
    SB_TRY(sb_plan__alloc(p, pattern->part_count, sizeof(sb_pattern_part *), &others.parts));
    others.part_count = 0;
    for (uint32_t i = 0; i < pattern->part_count; i++)
        if (pattern->parts[i] != part) others.parts[others.part_count++] = pattern->parts[i];
    SB_TRY(sb_plan__set_copy(p, bound, &known));
    SB_TRY(add_pattern_slots(p, &others, &known));
    SB_TRY(part_where(p, where, &known, &first, &then));
    SB_TRY(sb_plan__match(p, &others, first, input, bound, plan));
    return match_selected(p, &own, part, then, *plan, bound, plan);
}

sb_status sb_plan__match(sb_planner *p, const sb_pattern *pattern, sb_expr *where, sb_plan *input,
                         sb_slot_set *bound, sb_plan **plan)
{
    sb_pattern_graph graph;
    sb_pattern freed = *pattern;

    SB_TRY(free_ends(p, bound, &freed, &where));
    pattern = &freed;
    sb_pattern_part *const selected = selected_part(pattern);
    if (selected != NULL)
        return (pattern->part_count == 1 ? match_selected : match_beside)(
            p, pattern, selected, where, input, bound, plan);
    SB_TRY(open_graph(p, measure(pattern), &graph));
    graph.repeatable = pattern->repeatable;
    graph.hints = pattern->hints;
    graph.hint_count = pattern->hint_count;
    SB_TRY(add_pattern(p, &graph, bound, pattern, where, 0));
    return plan_graph(p, &graph, input, bound, plan);
}

/* ---- Clauses that follow one another ------------------------------------------------------------------------------------ */

/* Relationships of one step without a value yet, none twice, in parts without a name or a selector; no hints, nothing that differs from call to
 * call: such a pattern may be matched in any order with others of its kind. seen gains its relationships. */
static sb_status is_plain(sb_planner *p, const sb_clause *clause, sb_slot_set *seen, bool *is)
{
    const sb_pattern *pattern = &clause->as.match.pattern;

    *is = clause->kind == SB_CLAUSE_MATCH && !clause->as.match.optional && !pattern->repeatable &&
          pattern->hint_count == 0 && !sb_plan__expr_volatile(clause->as.match.where);
    for (uint32_t i = 0; *is && i < pattern->part_count; i++) {
        const sb_pattern_part *part = pattern->parts[i];

        *is = part->var == NULL && part->selector == SB_PATHS_ALL &&
              !sb_plan__expr_volatile(part->start->props) &&
              !sb_plan__expr_volatile(part->start->where);
        for (uint32_t k = 0; *is && k < part->step_count; k++) {
            const sb_rel_pattern *rel = part->steps[k].rel;
            const sb_node_pattern *node = part->steps[k].node;

            *is = rel != NULL && !rel->variable && !sb_plan__set_has(seen, rel->var->slot) &&
                  !sb_plan__expr_volatile(rel->props) && !sb_plan__expr_volatile(rel->where) &&
                  !sb_plan__expr_volatile(node->props) && !sb_plan__expr_volatile(node->where);
            if (*is) SB_TRY(sb_plan__set_add(p, seen, rel->var->slot));
        }
    }
    return SB_OK;
}

sb_status sb_plan__matches(sb_planner *p, sb_clause *const *clauses, uint32_t count, sb_plan *input,
                           sb_slot_set *bound, uint32_t *taken, sb_plan **plan)
{
    pattern_size size = {0, 0, 0};
    sb_pattern_graph graph;
    sb_slot_set seen;
    bool is = true;

    SB_TRY(sb_plan__set_copy(p, bound, &seen));
    for (*taken = 0; *taken < count; ++*taken) {
        SB_TRY(is_plain(p, clauses[*taken], &seen, &is));
        if (!is) break;
        const pattern_size more = measure(&clauses[*taken]->as.match.pattern);
        if (size.edges + size.nodes + more.edges + more.nodes > JOINED_MAX) break;
        size.nodes += more.nodes;
        size.edges += more.edges;
    }
    if (*taken < 2 || p->options.no_reorder) {
        *taken = 1;
        return sb_plan__match(p, &clauses[0]->as.match.pattern, clauses[0]->as.match.where, input,
                              bound, plan);
    }
    SB_TRY(open_graph(p, size, &graph));
    for (uint32_t i = 0; i < *taken; i++)
        SB_TRY(add_pattern(p, &graph, bound, &clauses[i]->as.match.pattern,
                           clauses[i]->as.match.where, i));
    return plan_graph(p, &graph, input, bound, plan);
}

/* ---- CREATE and MERGE --------------------------------------------------------------------------------------------------- */

/* All names of a label expression of a node that is made: A or A&B (sema sees to that). */
static sb_status label_names(sb_planner *p, const sb_label_expr *labels, sb_plan_name *names,
                             uint32_t *count)
{
    if (labels == NULL) return SB_OK;
    if (labels->op == SB_LABEL_NAME)
        return sb_plan__name(p, SB_NAME_LABEL, labels->name, &names[(*count)++]);
    SB_TRY(label_names(p, labels->left, names, count));
    return label_names(p, labels->right, names, count);
}

static uint32_t count_labels(const sb_label_expr *labels)
{
    if (labels == NULL) return 0;
    return labels->op == SB_LABEL_NAME ? 1
                                       : count_labels(labels->left) + count_labels(labels->right);
}

static sb_status create_node(sb_planner *p, const sb_node_pattern *node, const sb_slot_set *bound,
                             sb_slot_set *made, sb_plan_create_node *nodes, uint32_t *count)
{
    if (sb_plan__set_has(bound, node->var->slot) || sb_plan__set_has(made, node->var->slot))
        return SB_OK;
    const uint32_t label_count = count_labels(node->labels);
    sb_plan_name *labels = NULL;
    uint32_t filled = 0;

    if (label_count != 0) SB_TRY(sb_plan__alloc(p, label_count, sizeof *labels, &labels));
    SB_TRY(label_names(p, node->labels, labels, &filled));
    nodes[(*count)++] =
        (sb_plan_create_node){node->var, labels, label_count, node->props, node->dynamic};
    return sb_plan__set_add(p, made, node->var->slot);
}

sb_status sb_plan__create_pattern(sb_planner *p, const sb_pattern *pattern,
                                  const sb_slot_set *bound, sb_plan_create *create)
{
    const pattern_size size = measure(pattern);
    sb_plan_create_node *nodes;
    sb_plan_create_rel *rels = NULL;
    sb_slot_set made = {NULL, 0};

    *create = (sb_plan_create){0};
    SB_TRY(sb_plan__alloc(p, size.nodes, sizeof *nodes, &nodes));
    if (size.edges != 0) SB_TRY(sb_plan__alloc(p, size.edges, sizeof *rels, &rels));
    for (uint32_t i = 0; i < pattern->part_count; i++) {
        const sb_pattern_part *part = pattern->parts[i];
        sb_var *from = part->start->var;

        SB_TRY(create_node(p, part->start, bound, &made, nodes, &create->node_count));
        for (uint32_t k = 0; k < part->step_count; k++) {
            const sb_rel_pattern *rel = part->steps[k].rel;
            sb_var *const to = part->steps[k].node->var;
            const bool backward = rel->direction == SB_REL_IN;
            sb_plan_create_rel *const made_rel = &rels[create->rel_count++];

            SB_TRY(create_node(p, part->steps[k].node, bound, &made, nodes, &create->node_count));
            *made_rel = (sb_plan_create_rel){.var = rel->var,
                                             .from = backward ? to : from,
                                             .to = backward ? from : to,
                                             .props = rel->props,
                                             .dynamic = rel->dynamic,
                                             .span = rel->span};
            if (rel->dynamic == NULL)
                SB_TRY(sb_plan__name(p, SB_NAME_TYPE, rel->types->name, &made_rel->type));
            from = to;
        }
    }
    create->nodes = nodes;
    create->rels = rels;
    return SB_OK;
}
