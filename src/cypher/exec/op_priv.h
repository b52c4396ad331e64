/* op_priv.h — the operators' tables, each from its op_….c, for the one table of operator.c. */
#ifndef SB_CYPHER_OP_PRIV_H
#define SB_CYPHER_OP_PRIV_H

#include "cypher/exec/exec_priv.h"

#define SB_OPERATOR(kind, ops) extern const sb_operator_ops ops;
#include "cypher/exec/operators.def"
#undef SB_OPERATOR

/* SKIP's, LIMIT's and TOP's number: SyntaxErrors at run time for what is no integer, or negative. */
SB_MUST_CHECK sb_status sb_exec__row_number(sb_exec *run, sb_eval *eval, const char *what,
                                            uint64_t *number);

/* Types of an expansion, looked up, none twice. *any false: types are given, and none of them is there. */
typedef struct sb_expand_types {
    sb_type_id *ids; /* room for the plan's; NULL until opened */
    size_t count;
    bool any;
} sb_expand_types;
SB_MUST_CHECK sb_status sb_exec__types_open(sb_exec *run, const sb_plan_expand *e,
                                            sb_expand_types *types);
void sb_exec__types_find(sb_exec *run, const sb_plan_expand *e, sb_expand_types *types);

/* A batch of long paths ends after so many relationships in its lists, lest it be as large as they are long, and be heard of late. */
#define SB_PATH_ITEMS_MAX ((uint64_t)1 << 16)

/* Conditions on each step of a way, and on where it begins; NULL where there are none. */
SB_MUST_CHECK sb_status sb_exec__compile_steps(sb_exec *run, const sb_plan_expand *e,
                                               sb_eval **filter, sb_eval **start_filter);
/* The step that filter is asked about. */
void sb_exec__set_step(sb_exec *run, const sb_plan_expand *e, uint64_t node, uint64_t rel);
/* May a way of the row begin at the node? */
SB_MUST_CHECK sb_status sb_exec__may_start(sb_exec *run, const sb_plan_expand *e,
                                           sb_eval *start_filter, const sb_batch *in, uint32_t row,
                                           uint64_t node, bool *may);
SB_INLINE sb_direction sb_exec__direction(sb_rel_direction direction)
{
    return direction == SB_REL_OUT ? SB_OUT : direction == SB_REL_IN ? SB_IN : SB_BOTH;
}
/* sb_expand_begin for a batch of op's input, with tables where there are some. rels: the batch's relationships are read. */
SB_MUST_CHECK sb_status sb_exec__expand_begin(const sb_operator *op, sb_expand *expand,
                                              const sb_expand_types *types, sb_direction direction,
                                              bool rels, const uint64_t *nodes, uint32_t count);
/* Labels that the nodes at the other ends of expansions must have: when many have been asked, the statistics tell whether all
 * relationships of the types end at such nodes, so that no more need be. */
typedef struct sb_end_labels {
    sb_labels *labels; /* NULL: any */
    uint64_t rows;     /* asked so far in this run; 0 is set when one begins */
    bool implied;
} sb_end_labels;
/* rows are to be asked next; *implied: all of them have the labels. direction: of the lists, BOTH: either. */
SB_MUST_CHECK sb_status sb_exec__end_labels(sb_exec *run, sb_end_labels *ends,
                                            const sb_expand_types *types, sb_direction direction,
                                            uint32_t rows, bool *implied);
/* Have an EXPAND, from its opening on, give the ends of its rows as they lie in the lists, the relationships that its plan rules out left out. Its
 * batches then only say how many there were. Of a plan whose `to` is new and may have any labels. */
typedef sb_status (*sb_exec_ends)(void *ctx, const sb_chunk *ends);
void sb_exec__expand_give_ends(sb_operator *expand, sb_exec_ends give, void *ctx);
/* Rows from `row` on that have the same id there. */
uint32_t sb_exec__rows_sharing(const uint64_t *ids, uint32_t row, uint32_t end);
/* How many stretches of rows with one id there are. */
uint32_t sb_exec__runs(const uint64_t *ids, uint32_t count);
/* Is a relationship among those that the row's pattern has used already? */
bool sb_exec__rel_used(const sb_var *const *unlike, uint32_t unlike_count, const sb_batch *in,
                       uint32_t row, uint64_t rel);

/* Can the lists that an expansion of `nodes`, those of the batch, reads have a relationship that its rows have used? False: none need be asked. */
SB_MUST_CHECK sb_status sb_exec__asks_used(sb_exec *run, const sb_batch *in,
                                           const sb_plan_expand *e, const uint64_t *nodes,
                                           sb_out *scratch, bool *asks);

#endif
