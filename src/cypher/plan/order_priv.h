/* order_priv.h — what the search for an order (order.c) and its steps (order_step.c) share.
 * A state is a plan so far with what it has bound, and which edges and predicates it has dealt with. Steps leave the state that they go on
 * from as it was. */
#ifndef SB_PLAN_ORDER_PRIV_H
#define SB_PLAN_ORDER_PRIV_H

#include "cypher/plan/plan_priv.h"

typedef struct sb_order_state {
    sb_plan *plan;
    sb_slot_set bound;
    bool *edge_done;      /* edge_count */
    bool *labels_done;    /* node_count: the labels of a node are checked */
    bool *predicate_done; /* predicate_count */
    uint32_t edges_done;
} sb_order_state;

typedef struct sb_order_search {
    sb_planner *p;
    sb_pattern_graph *graph;
    /* the part of the graph that is planned now */
    const bool *edge_in, *node_in;
    /* of a step of the greedy search: what costs as much, rows included, is not taken any more; NAN: none yet */
    double best;
    /* nodes of the graph that have labels */
    const uint32_t *labelled;
    uint32_t labelled_count;
} sb_order_search;

/* from may be all zero: nothing bound, nothing done. */
SB_MUST_CHECK sb_status sb_order__copy(sb_order_search *s, const sb_order_state *from,
                                       sb_order_state *to);
uint32_t sb_order__node_index(const sb_pattern_graph *graph, const sb_var *var);
bool sb_order__is_bound(const sb_order_state *st, const sb_var *var);
/* Put what can be checked now on top of the plan. */
SB_MUST_CHECK sb_status sb_order__apply_predicates(sb_order_search *s, sb_order_state *st);
/* A relationship bound on top of what `before` had must be another than those: filters on st. */
SB_MUST_CHECK sb_status sb_order__check_uniqueness(sb_order_search *s, const sb_order_state *before,
                                                   sb_order_state *st, uint32_t edge);

/* step_filter.c: conditions on each step of a relationship of variable length, of those that the state has not dealt with. *share: of its rows, those
 * that they leave. */
SB_MUST_CHECK sb_status sb_order__step_filter(sb_order_search *s, sb_order_state *st, uint32_t edge,
                                              sb_plan_expand *expand, double *share);

/* Steps: to is the state after it. forward: from the left end of the edge as written. */
/* *possible false: it costs more than `most`, or not less than the best. */
SB_MUST_CHECK sb_status sb_order__find_node(sb_order_search *s, const sb_order_state *from,
                                            uint32_t node, double most, sb_order_state *to,
                                            bool *possible);
/* Go on with a relationship that has a value already (from an earlier clause), or that an index or a scan finds: its ends follow. */
SB_MUST_CHECK sb_status sb_order__find_edge(sb_order_search *s, const sb_order_state *from,
                                            uint32_t edge, sb_order_state *to, bool *possible);
SB_MUST_CHECK sb_status sb_order__expand_rel(sb_order_search *s, const sb_order_state *from,
                                             uint32_t edge, bool forward, sb_order_state *to);
/* Two edges from bound nodes to one that is not. */
SB_MUST_CHECK sb_status sb_order__intersect(sb_order_search *s, const sb_order_state *from,
                                            uint32_t first, uint32_t second, sb_order_state *to,
                                            bool *possible);
SB_MUST_CHECK sb_status sb_order__expand_quantified(sb_order_search *s, const sb_order_state *from,
                                                    uint32_t edge, bool forward,
                                                    sb_order_state *to);
SB_MUST_CHECK sb_status sb_order__expand_shortest(sb_order_search *s, const sb_order_state *from,
                                                  uint32_t edge, sb_order_state *to);

#endif
