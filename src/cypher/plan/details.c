/* details.c — what EXPLAIN says of an operator. */
#include "cypher/plan/plan_priv.h"
#include <string.h>

static const char *const OPERATOR_NAMES[SB_PLAN_KINDS] = {
    [SB_PLAN_ARGUMENT] = "Argument",
    [SB_PLAN_ALL_NODES] = "AllNodesScan",
    [SB_PLAN_LABEL_SCAN] = "NodeByLabelScan",
    [SB_PLAN_NODE_BY_ID] = "ById",
    [SB_PLAN_INDEX_SEEK] = "IndexSeek",
    [SB_PLAN_REL_SCAN] = "RelationshipScan",
    [SB_PLAN_EXPAND] = "Expand",
    [SB_PLAN_EXPAND_INTO] = "ExpandInto",
    [SB_PLAN_INTERSECT] = "Intersect",
    [SB_PLAN_RELATED] = "Related",
    [SB_PLAN_VAR_EXPAND] = "VarLengthExpand",
    [SB_PLAN_QUANTIFIED] = "Repeat",
    [SB_PLAN_SHORTEST] = "ShortestPath",
    [SB_PLAN_GATHER] = "Gather",
    [SB_PLAN_FILTER] = "Filter",
    [SB_PLAN_PROJECT] = "Projection",
    [SB_PLAN_PATH] = "Path",
    [SB_PLAN_UNWIND] = "Unwind",
    [SB_PLAN_UNWIND_RANGE] = "UnwindRange",
    [SB_PLAN_SKIP] = "Skip",
    [SB_PLAN_LIMIT] = "Limit",
    [SB_PLAN_LOAD_CSV] = "LoadCsv",
    [SB_PLAN_CALL] = "ProcedureCall",
    [SB_PLAN_AGGREGATE] = "Aggregation",
    [SB_PLAN_DISTINCT] = "Distinct",
    [SB_PLAN_SORT] = "Sort",
    [SB_PLAN_TOP] = "Top",
    [SB_PLAN_SELECT_PATHS] = "SelectPaths",
    [SB_PLAN_EAGER] = "Eager",
    [SB_PLAN_APPLY] = "Apply",
    [SB_PLAN_OPTIONAL_APPLY] = "OptionalApply",
    [SB_PLAN_SEMI_APPLY] = "SemiApply",
    [SB_PLAN_HASH_JOIN] = "HashJoin",
    [SB_PLAN_PRODUCT] = "CartesianProduct",
    [SB_PLAN_UNION] = "Union",
    [SB_PLAN_SUBQUERY_TRANSACTIONS] = "TransactionApply",
    [SB_PLAN_FOREACH] = "Foreach",
    [SB_PLAN_COUNT_NODES] = "NodeCountFromStatistics",
    [SB_PLAN_COUNT_RELS] = "RelationshipCountFromStatistics",
    [SB_PLAN_DEGREE] = "Degree",
    [SB_PLAN_WEIGH] = "Weigh",
    [SB_PLAN_CREATE] = "Create",
    [SB_PLAN_MERGE] = "Merge",
    [SB_PLAN_SET] = "Set",
    [SB_PLAN_DELETE] = "Delete",
    [SB_PLAN_RESULT] = "ProduceResults",
};

const char *sb_plan_operator_name(const sb_plan *plan)
{
    if (plan->kind == SB_PLAN_SEMI_APPLY && plan->as.apply.anti) return "AntiSemiApply";
    if (plan->kind == SB_PLAN_RELATED && plan->as.related.anti) return "Unrelated";
    if (plan->kind == SB_PLAN_INDEX_SEEK && plan->as.seek.unique) return "UniqueIndexSeek";
    if (plan->kind == SB_PLAN_NODE_BY_ID)
        return plan->as.by_id.on_rels ? "RelationshipById" : "NodeById";
    return OPERATOR_NAMES[plan->kind];
}

static sb_status text(sb_buffer *out, const char *s)
{
    return sb_buffer_append(out, s, strlen(s));
}

static sb_status bytes(sb_buffer *out, sb_bytes name)
{
    return sb_buffer_append(out, name.data, name.size);
}

static sb_status var_name(sb_buffer *out, const sb_var *var)
{
    if (var == NULL) return SB_OK;
    if (var->name.size != 0) return bytes(out, var->name);
    return sb_buffer_printf(out, "_%u", (unsigned)var->slot);
}

static sb_status var_names(sb_buffer *out, const sb_var *const *vars, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i != 0) SB_TRY(text(out, ", "));
        SB_TRY(var_name(out, vars[i]));
    }
    return SB_OK;
}

static sb_status name(const sb_compiled *compiled, sb_plan_name id, sb_buffer *out)
{
    return bytes(out, compiled->names[id].text);
}

static sb_status exprs(sb_expr *const *list, uint32_t count, const char *between, sb_buffer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i != 0) SB_TRY(text(out, between));
        SB_TRY(sb_expr_print(list[i], out));
    }
    return SB_OK;
}

static sb_status assigns(const sb_plan_assign *items, uint32_t count, sb_buffer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i != 0) SB_TRY(text(out, ", "));
        SB_TRY(sb_expr_print(items[i].expr, out));
        SB_TRY(text(out, " AS "));
        SB_TRY(var_name(out, items[i].var));
    }
    return SB_OK;
}

static sb_status lengths(const sb_plan_expand *expand, sb_buffer *out)
{
    if (expand->max == UINT32_MAX) return sb_buffer_printf(out, "*%u..", (unsigned)expand->min);
    return sb_buffer_printf(out, "*%u..%u", (unsigned)expand->min, (unsigned)expand->max);
}

/* (a)-[r:T*1..3]->(b) */
static sb_status expand_text(const sb_compiled *compiled, const sb_plan *plan,
                             const sb_plan_expand *expand, sb_buffer *out)
{
    SB_TRY(text(out, "("));
    SB_TRY(var_name(out, expand->from));
    SB_TRY(text(out, expand->direction == SB_REL_IN ? ")<-[" : ")-["));
    if (plan->kind != SB_PLAN_DEGREE && plan->kind != SB_PLAN_COUNT_RELS &&
        plan->kind != SB_PLAN_WEIGH)
        SB_TRY(var_name(out, expand->rel));
    for (uint32_t i = 0; i < expand->type_count; i++) {
        SB_TRY(text(out, i == 0 ? ":" : "|"));
        SB_TRY(name(compiled, expand->types[i], out));
    }
    if (plan->kind == SB_PLAN_VAR_EXPAND || plan->kind == SB_PLAN_SHORTEST)
        SB_TRY(lengths(expand, out));
    SB_TRY(text(out, expand->direction == SB_REL_OUT ? "]->(" : "]-("));
    SB_TRY(var_name(out, expand->to));
    SB_TRY(text(out, ")"));
    if (expand->filter != NULL) {
        SB_TRY(text(out, " WHERE "));
        SB_TRY(sb_expr_print(expand->filter, out));
    }
    return SB_OK;
}

/* (a)-[:T]->(b) × …; what hangs on b follows in brackets. Its depth is that of the chain of operators that it was made of. */
static sb_status factors_text(const sb_compiled *compiled, const sb_plan *plan,
                              const sb_plan_factor *const *factors, uint32_t count, sb_buffer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        const sb_plan_factor *factor = factors[i];

        if (i != 0) SB_TRY(text(out, " × "));
        if (factor->optional) SB_TRY(text(out, "optional "));
        SB_TRY(expand_text(compiled, plan, &factor->expand, out));
        for (uint32_t k = 0; k < factor->filter_count; k++) {
            SB_TRY(text(out, k == 0 ? " WHERE " : " AND "));
            SB_TRY(sb_expr_print(factor->filters[k], out));
        }
        if (factor->child_count == 0) continue;
        SB_TRY(text(out, " ["));
        SB_TRY(factors_text(compiled, plan, factor->children, factor->child_count, out));
        SB_TRY(text(out, "]"));
    }
    return SB_OK;
}

static sb_status weigh_text(const sb_compiled *compiled, const sb_plan *plan, sb_buffer *out)
{
    const sb_var *minus = plan->as.weigh.minus;

    if (minus != NULL) SB_TRY(text(out, "("));
    for (uint32_t i = 0; i < plan->as.weigh.count; i++) {
        if (i != 0) SB_TRY(text(out, " × "));
        SB_TRY(factors_text(compiled, plan, plan->as.weigh.weights[i].factors,
                            plan->as.weigh.weights[i].factor_count, out));
        if (i != 1 || minus == NULL) continue;
        SB_TRY(text(out, " - "));
        SB_TRY(var_name(out, minus));
        SB_TRY(text(out, ")"));
    }
    return SB_OK;
}

/* name p:Label(key, …), or name (a)-[r:TYPE(key, …)]->(b) */
static sb_status index_text(const sb_plan *plan, sb_buffer *out)
{
    const bool on_rels = plan->as.seek.from != NULL;

    SB_TRY(bytes(out, plan->as.seek.index));
    SB_TRY(text(out, " "));
    if (on_rels) {
        SB_TRY(text(out, "("));
        SB_TRY(var_name(out, plan->as.seek.from));
        SB_TRY(text(out, ")-["));
    }
    SB_TRY(var_name(out, plan->as.seek.entity));
    SB_TRY(text(out, ":"));
    SB_TRY(bytes(out, plan->as.seek.of));
    for (uint32_t i = 0; i < plan->as.seek.key_count; i++) {
        SB_TRY(text(out, i == 0 ? "(" : ", "));
        SB_TRY(bytes(out, plan->as.seek.keys[i]));
    }
    SB_TRY(text(out, ")"));
    if (!on_rels) return SB_OK;
    SB_TRY(text(out, plan->as.seek.either ? "]-(" : "]->("));
    SB_TRY(var_name(out, plan->as.seek.to));
    return text(out, ")");
}

/* key operator value, of the key that stands at a place */
static sb_status key_text(const sb_plan *plan, uint32_t key, const char *operation,
                          const sb_expr *value, bool *first, sb_buffer *out)
{
    if (value == NULL) return SB_OK;
    SB_TRY(text(out, *first ? " WHERE " : " AND "));
    *first = false;
    SB_TRY(bytes(out, plan->as.seek.keys[key]));
    SB_TRY(text(out, operation));
    return sb_expr_print(value, out);
}

static sb_status seek_text(const sb_plan *plan, sb_buffer *out)
{
    const uint32_t equal = plan->as.seek.equal_count;
    const sb_plan_bound *low = &plan->as.seek.low, *high = &plan->as.seek.high;
    bool first = true;

    SB_TRY(index_text(plan, out));
    for (uint32_t i = 0; i < equal; i++)
        SB_TRY(key_text(plan, i, plan->as.seek.in_list && i + 1 == equal ? " IN " : " = ",
                        plan->as.seek.equal[i], &first, out));
    SB_TRY(key_text(plan, equal, low->inclusive ? " >= " : " > ", low->expr, &first, out));
    SB_TRY(key_text(plan, equal, high->inclusive ? " <= " : " < ", high->expr, &first, out));
    return key_text(plan, equal, " STARTS WITH ", plan->as.seek.prefix, &first, out);
}

static sb_status aggregate_text(const sb_plan *plan, sb_buffer *out)
{
    SB_TRY(assigns(plan->as.aggregate.groups, plan->as.aggregate.group_count, out));
    for (uint32_t i = 0; i < plan->as.aggregate.aggregate_count; i++) {
        const sb_plan_aggregate *a = &plan->as.aggregate.aggregates[i];

        if (i != 0 || plan->as.aggregate.group_count != 0) SB_TRY(text(out, ", "));
        SB_TRY(text(out, a->function->name));
        SB_TRY(text(out, a->distinct ? "(DISTINCT " : "("));
        if (a->arg_count == 0) SB_TRY(text(out, "*"));
        SB_TRY(exprs(a->args, a->arg_count, ", ", out));
        SB_TRY(text(out, ")"));
    }
    return SB_OK;
}

static sb_status sort_text(const sb_plan *plan, sb_buffer *out)
{
    for (uint32_t i = 0; i < plan->as.sort.count; i++) {
        if (i != 0) SB_TRY(text(out, ", "));
        SB_TRY(var_name(out, plan->as.sort.keys[i].var));
        if (plan->as.sort.keys[i].descending) SB_TRY(text(out, " DESC"));
    }
    if (plan->as.sort.limit == NULL) return SB_OK;
    SB_TRY(text(out, " LIMIT "));
    if (plan->as.sort.skip != NULL) {
        SB_TRY(sb_expr_print(plan->as.sort.skip, out));
        SB_TRY(text(out, " + "));
    }
    return sb_expr_print(plan->as.sort.limit, out);
}

static sb_status create_text(const sb_compiled *compiled, const sb_plan_create *create,
                             sb_buffer *out)
{
    for (uint32_t i = 0; i < create->node_count; i++) {
        if (i != 0) SB_TRY(text(out, ", "));
        SB_TRY(text(out, "("));
        SB_TRY(var_name(out, create->nodes[i].var));
        for (uint32_t k = 0; k < create->nodes[i].label_count; k++) {
            SB_TRY(text(out, ":"));
            SB_TRY(name(compiled, create->nodes[i].labels[k], out));
        }
        SB_TRY(text(out, ")"));
    }
    for (uint32_t i = 0; i < create->rel_count; i++) {
        if (i != 0 || create->node_count != 0) SB_TRY(text(out, ", "));
        SB_TRY(text(out, "("));
        SB_TRY(var_name(out, create->rels[i].from));
        SB_TRY(text(out, ")-[:"));
        SB_TRY(name(compiled, create->rels[i].type, out));
        SB_TRY(text(out, "]->("));
        SB_TRY(var_name(out, create->rels[i].to));
        SB_TRY(text(out, ")"));
    }
    return SB_OK;
}

sb_status sb_plan_details(const sb_compiled *compiled, const sb_plan *plan, sb_buffer *out)
{
    switch (plan->kind) {
    case SB_PLAN_ALL_NODES: return var_name(out, plan->as.scan.node);
    case SB_PLAN_LABEL_SCAN:
    case SB_PLAN_COUNT_NODES:
        SB_TRY(var_name(out, plan->as.scan.node));
        if (!plan->as.scan.label_given) return SB_OK;
        SB_TRY(text(out, ":"));
        return name(compiled, plan->as.scan.label, out);
    case SB_PLAN_NODE_BY_ID:
        SB_TRY(var_name(out, plan->as.by_id.node));
        if (plan->as.by_id.id == NULL) return SB_OK;
        if (plan->as.by_id.of_element) SB_TRY(text(out, " by elementId"));
        SB_TRY(text(out, plan->as.by_id.list ? " IN " : " = "));
        return sb_expr_print(plan->as.by_id.id, out);
    case SB_PLAN_INDEX_SEEK: return seek_text(plan, out);
    case SB_PLAN_REL_SCAN:
    case SB_PLAN_EXPAND:
    case SB_PLAN_EXPAND_INTO:
    case SB_PLAN_RELATED:
    case SB_PLAN_VAR_EXPAND:
    case SB_PLAN_SHORTEST:
    case SB_PLAN_COUNT_RELS:
    case SB_PLAN_DEGREE: return expand_text(compiled, plan, &plan->as.expand, out);
    case SB_PLAN_INTERSECT:
        SB_TRY(expand_text(compiled, plan, &plan->as.intersect.sides[0], out));
        SB_TRY(text(out, ", "));
        SB_TRY(expand_text(compiled, plan, &plan->as.intersect.sides[1], out));
        if (plan->as.intersect.weight == NULL) return SB_OK;
        SB_TRY(text(out, " AS count "));
        return var_name(out, plan->as.intersect.weight);
    case SB_PLAN_WEIGH: return weigh_text(compiled, plan, out);
    case SB_PLAN_QUANTIFIED:
        SB_TRY(var_name(out, plan->as.quantified.from));
        SB_TRY(text(out, " … "));
        return var_name(out, plan->as.quantified.to);
    case SB_PLAN_GATHER: return sb_buffer_printf(out, "up to %u threads", plan->as.gather.threads);
    case SB_PLAN_FILTER: return sb_expr_print(plan->as.filter.predicate, out);
    case SB_PLAN_PROJECT: return assigns(plan->as.project.items, plan->as.project.count, out);
    case SB_PLAN_PATH: return var_name(out, plan->as.path.path);
    case SB_PLAN_UNWIND:
    case SB_PLAN_UNWIND_RANGE:
        SB_TRY(sb_expr_print(plan->as.unwind.list, out));
        SB_TRY(text(out, " AS "));
        return var_name(out, plan->as.unwind.var);
    case SB_PLAN_SKIP:
    case SB_PLAN_LIMIT: return sb_expr_print(plan->as.limit.count, out);
    case SB_PLAN_LOAD_CSV: return sb_expr_print(plan->as.load_csv.url, out);
    case SB_PLAN_CALL: return bytes(out, plan->as.call.procedure->name);
    case SB_PLAN_AGGREGATE: return aggregate_text(plan, out);
    case SB_PLAN_DISTINCT: return var_names(out, plan->as.distinct.vars, plan->as.distinct.count);
    case SB_PLAN_SORT:
    case SB_PLAN_TOP: return sort_text(plan, out);
    case SB_PLAN_HASH_JOIN:
        SB_TRY(exprs(plan->as.join.input_keys, plan->as.join.count, ", ", out));
        SB_TRY(text(out, " = "));
        return exprs(plan->as.join.inner_keys, plan->as.join.count, ", ", out);
    case SB_PLAN_CREATE: return create_text(compiled, &plan->as.create, out);
    case SB_PLAN_MERGE: return create_text(compiled, &plan->as.merge.create, out);
    case SB_PLAN_DELETE: return exprs(plan->as.delete_.entities, plan->as.delete_.count, ", ", out);
    case SB_PLAN_RESULT: return var_names(out, plan->as.result.columns, plan->as.result.count);
    default: return SB_OK;
    }
}
