/* eval_priv.h — what the evaluator's files share: the node of a compiled expression.
 * An expression becomes a tree of sb_eval, one for each sb_expr of it. Each can give its value for one row (`row`); some can give
 * those of a whole batch faster (`vector`), others fill a vector row by row.
 *
 * V1  A vector kernel evaluates its parts for every row. Where a part might fail for rows that it would not have been asked for (the
 *     right side of AND), the rows decide: `safe` says that nothing below can fail.
 * V2  Parts that need no row are folded: computed when first asked for in a run, since an expression that no row reaches must not
 *     fail. */
#ifndef SB_CYPHER_EVAL_PRIV_H
#define SB_CYPHER_EVAL_PRIV_H

#include "cypher/exec/exec_priv.h"

typedef sb_status (*sb_eval_row)(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value);
typedef sb_status (*sb_eval_vector)(sb_eval *e, const sb_batch *in, const sb_vector **vector);

struct sb_eval {
    const sb_expr *expr;
    sb_exec *run;
    sb_eval_row row;       /* never NULL */
    sb_eval_vector vector; /* NULL: row by row */
    sb_eval **args;        /* entries NULL as in expr */
    uint32_t arg_count;
    bool safe;            /* can not fail */
    bool fixed;           /* needs no row, and always gives the same: V2 */
    bool per_row;         /* differs from row to row even when its parts do not: rand(), plans */
    uint32_t slot;        /* VAR */
    uint32_t param;       /* PARAM: place in options.params */
    sb_name_ref *name;    /* PROPERTY: the key */
    sb_val *dynamic;      /* HAS_LABELS: values of args[1] and on, of the row at hand */
    sb_labels *labels[2]; /* HAS_LABELS: of a node; of a relationship */
    struct sb_in_set *in_set; /* BINARY IN with a list that needs no row */
    sb_inner *plan;           /* of expressions that run one */
    sb_eval_row unfolded;     /* of fixed ones: what computes it */
    uint64_t folded_at;       /* run->generation of folded; 0: never */
    sb_val folded;
    sb_out out;
    sb_eval *older; /* all of the run's, for close */
};

/* Row functions by kind of expression; compile fills in the rest. */
SB_MUST_CHECK sb_status sb_exec__compile_part(sb_exec *run, const sb_expr *expr, sb_eval **eval);
SB_MUST_CHECK SB_INLINE sb_status sb_exec__part(sb_eval *e, uint32_t i, const sb_batch *in,
                                                uint32_t row, sb_val *value)
{
    return sb_exec__placed(e->args[i], e->run, e->args[i]->row(e->args[i], in, row, value));
}

/* eval_list.c: expressions that bind variables. */
sb_status sb_exec__list_comprehension(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value);
sb_status sb_exec__quantifier(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value);
sb_status sb_exec__reduce(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value);
sb_status sb_exec__map_projection(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value);
/* eval_in.c: IN with a list that is the same for all rows. */
SB_MUST_CHECK sb_status sb_exec__in_open(sb_exec *run, struct sb_in_set **set);
sb_status sb_exec__in(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value);
/* eval_plan.c: expressions that run a plan. */
sb_status sb_exec__plan_exists(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value);
sb_status sb_exec__plan_count(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value);
sb_status sb_exec__plan_collect(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value);
sb_status sb_exec__plan_shortest(sb_eval *e, const sb_batch *in, uint32_t row, sb_val *value);
/* eval_vector.c: the kernel for an expression whose parts are compiled; NULL when there is none. */
sb_eval_vector sb_exec__kernel_for(const sb_eval *e);
sb_status sb_exec__vector_var(sb_eval *e, const sb_batch *in, const sb_vector **vector);

#endif
