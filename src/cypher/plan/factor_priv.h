/* factor_priv.h — what factor.c and factor_walk.c share: the walk down a chain of steps that takes expansions out of it. */
#ifndef SB_PLAN_FACTOR_PRIV_H
#define SB_PLAN_FACTOR_PRIV_H

#include "cypher/plan/plan_priv.h"

/* An expansion that was taken out, and hangs on a node whose binder is not yet met. */
typedef struct sb_factor_loose {
    sb_plan_factor *factor;
    const sb_var *at;
    uint32_t op, depth; /* op: place in the chain, for forbidding */
    uint32_t partner;   /* of the pair that it is the second of; UINT32_MAX: none */
    uint32_t across; /* the one of another node whose node must differ from its; UINT32_MAX: none */
    bool first_of_pair, used; /* used: it is another one's child now */
    bool back_inside;         /* one of its children may not go back */
} sb_factor_loose;

/* A loose factor's node, or relationship, must differ from that of a slot. */
typedef struct sb_factor_demand {
    uint32_t loose;
    const sb_var *other;
    bool of_node, met;
} sb_factor_demand;

typedef struct sb_factor_walk {
    sb_planner *p;
    sb_plan **ops; /* from the top */
    uint32_t op_count;
    bool *forbidden, *taken; /* by op; taken: no step any more */
    bool *waits;        /* a FILTER about one node, or that two differ, which may be taken yet */
    sb_slot_set needed; /* slots that steps which stay, or the aggregation, read */
    sb_factor_loose *loose;
    uint32_t loose_count;
    sb_factor_demand *demands;
    uint32_t demand_count, demand_capacity;
    bool
        across; /* two factors are across each other: at most two, as WEIGH subtracts one number; */
    bool hopes; /* till then, a factor whose node must differ waits for one that it may be across */
    uint32_t end; /* steps below this place are not looked at */
} sb_factor_walk;

/* Over the chain that ends with top. */
SB_MUST_CHECK sb_status sb_factor__open_walk(sb_factor_walk *w, sb_planner *p, sb_plan *top);
/* Take out all expansions that can be; needed: slots that are read above the chain. */
SB_MUST_CHECK sb_status sb_factor__walk_all(sb_factor_walk *w, const sb_slot_set *needed);
/* What hangs on a node, in order: a pair lies side by side. All of it is used then. parent: whose children they become; NULL: none's. */
SB_MUST_CHECK sb_status sb_factor__children(sb_factor_walk *w, const sb_var *at,
                                            const sb_plan_factor ***children, uint32_t *count,
                                            sb_factor_loose *parent);
/* Is the FILTER at place i, which waits, about var? */
bool sb_factor__is_about(const sb_factor_walk *w, uint32_t i, const sb_var *var);
/* The labels that a predicate wants of a node, when it is about nothing else; NULL: it is another one. */
const sb_label_expr *sb_factor__labels_of(const sb_expr *predicate, const sb_var *node);
bool sb_factor__has_plan(const sb_expr *e);

#endif
