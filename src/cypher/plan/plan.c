/* plan.c — from an analyzed statement to its plan, in the order in which the files of this folder work. */
#include "cypher/plan/plan_priv.h"

/* A plan is made again when the graph has grown or shrunk by this much. */
#define REPLAN_FACTOR 4.0

typedef struct numbering {
    sb_planner *p;
    uint32_t next;
} numbering;

static sb_status number_tree(numbering *n, sb_plan *plan);

static sb_status number_in_expr(void *ctx, sb_expr *e)
{
    if (e == NULL) return SB_OK;
    if (e->plan != NULL) return number_tree(ctx, e->plan);
    for (uint32_t i = 0; i < e->arg_count; i++)
        SB_TRY(number_in_expr(ctx, e->args[i]));
    return SB_OK;
}

/* In preorder. A tree that several expressions share keeps its last numbers. */
static sb_status number_tree(numbering *n, sb_plan *plan)
{
    for (; plan != NULL; plan = plan->input) {
        if (n->next == SB_PLAN_OPERATORS_MAX) return sb_plan__too_many(n->p);
        plan->number = n->next++;
        if (plan->inner != NULL) SB_TRY(number_tree(n, plan->inner));
        SB_TRY(sb_plan__each_expr(plan, number_in_expr, n));
    }
    return SB_OK;
}

static sb_status plan_statement(sb_planner *p, sb_statement *statement, sb_plan **root)
{
    sb_query *const query = statement->query;
    sb_slot_set bound = {NULL, 0};
    const sb_var **columns;

    SB_TRY(sb_plan__query(p, query, &bound, root));
    if (!p->options.no_special) SB_TRY(sb_plan__special(p, root));
    SB_TRY(sb_plan__alloc(p, query->column_count + 1, sizeof *columns, &columns));
    for (uint32_t i = 0; i < query->column_count; i++)
        columns[i] = query->columns[i];
    SB_TRY(sb_plan__new(p, SB_PLAN_RESULT, *root, root));
    (*root)->as.result.columns = columns;
    (*root)->as.result.count = query->column_count;
    if (query->writes) SB_TRY(sb_plan__eager(p, root));
    SB_TRY(sb_plan__live(p, *root));
    if (!p->options.no_special) SB_TRY(sb_plan__reach_only(*root, false, false));
    return query->writes ? SB_OK : sb_plan__parallel(p, *root);
}

/* Which indexes and constraints there are: the same number for the same ones, whatever was there meanwhile. */
static uint64_t schema_stamp(sb_view *view)
{
    size_t count;
    const sb_schema *schemas = sb_schemas(view, &count);
    uint64_t stamp = UINT64_C(0x9E3779B97F4A7C15) + count; /* not 0, which the hash keeps */

    for (size_t i = 0; i < count; i++)
        stamp = sb_hash_u64(stamp ^ schemas[i].stamp);
    return stamp;
}

static void mark_last_delete(sb_plan *root)
{
    sb_plan *const plan = root->input;

    if (root->kind == SB_PLAN_RESULT && plan != NULL && plan->kind == SB_PLAN_DELETE)
        plan->as.delete_.last = plan->input != NULL && plan->input->kind == SB_PLAN_EAGER;
}

sb_status sb_plan_make(sb_arena *arena, sb_statement *statement, uint32_t slot_count,
                       sb_graph *graph, const sb_plan_options *options, sb_cypher_watch *watch,
                       sb_compiled **compiled, sb_err *err)
{
    sb_planner p = {.arena = arena,
                    .graph = graph,
                    .text = statement->text,
                    .slot_count = slot_count,
                    .runs = 1,
                    .watch = watch,
                    .err = err};
    sb_compiled *made;
    double nodes;
    double rels;

    *compiled = NULL;
    if (options != NULL) p.options = *options;
    p.random = p.options.shuffle_seed;
    SB_TRY(sb_plan__alloc(&p, 1, sizeof *made, &made));
    made->arena = arena;
    made->statement = statement;
    if (statement->query != NULL) {
        numbering n = {&p, 0};

        p.view = sb_graph_view(graph);
        SB_TRY(plan_statement(&p, statement, &made->root));
        mark_last_delete(made->root);
        SB_TRY(number_tree(&n, made->root));
        SB_TRY(sb_plan__estimate_nodes(&p, NULL, &nodes));
        SB_TRY(sb_plan__estimate_rels(&p, NULL, &rels));
        made->plan_count = n.next;
        made->writes = statement->query->writes;
        made->schema_stamp = schema_stamp(p.view);
        made->planned_rows = nodes + rels;
    }
    made->names = p.names;
    made->name_count = p.name_count;
    made->slot_count = p.slot_count;
    *compiled = made;
    return SB_OK;
}

bool sb_plan_schema_fits(const sb_compiled *compiled, sb_graph *graph)
{
    return compiled->root == NULL || schema_stamp(sb_graph_view(graph)) == compiled->schema_stamp;
}

sb_status sb_plan_size_fits(const sb_compiled *compiled, sb_graph *graph, bool *fits, sb_err *err)
{
    sb_view *const view = sb_graph_view(graph);
    uint64_t nodes;
    uint64_t rels;

    *fits = true;
    if (compiled->root == NULL) return SB_OK;
    SB_TRY(sb_stats_nodes_of_label(view, 0, &nodes, err));
    SB_TRY(sb_stats_rels_of_type(view, 0, &rels, err));
    const double now = (double)nodes + (double)rels + 1;
    *fits = now <= compiled->planned_rows * REPLAN_FACTOR &&
            compiled->planned_rows <= now * REPLAN_FACTOR;
    return SB_OK;
}
