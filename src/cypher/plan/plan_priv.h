/* plan_priv.h — what the files of the planner share.
 * The planner goes through a query clause by clause and grows a chain of operators; a MATCH is turned into a pattern graph
 * (sb_pattern_graph), whose parts are put in the order of least estimated cost (order.c). */
#ifndef SB_PLAN_PRIV_H
#define SB_PLAN_PRIV_H

#include "cypher/plan/plan.h"

/* A set of slots. Zeroed: empty. Grows in the planner's arena. */
typedef struct sb_slot_set {
    uint64_t *words;
    uint32_t word_count;
} sb_slot_set;

/* Things numbered from 0, by a hash of each: the things lie with whoever asks. Zeroed: none. Grows in the planner's arena. */
typedef struct sb_plan_index {
    uint32_t *heads;          /* [capacity] by hash: a number plus 1; 0: none */
    uint32_t *nexts;          /* [capacity] by number: the next one of the same head, likewise */
    uint64_t *hashes;         /* [capacity] by number */
    uint32_t count, capacity; /* capacity: a power of two, or 0 */
} sb_plan_index;
#define SB_PLAN_NONE UINT32_MAX

typedef struct sb_planner {
    sb_arena *arena; /* statement's */
    sb_graph *graph;
    sb_view *view;
    sb_plan_options options;
    sb_bytes text; /* of the statement, for errors */
    uint32_t slot_count;
    uint64_t random; /* of shuffle_seed */
    uint32_t depth;  /* of nested queries */
    /* What the rows around the query at hand have: known everywhere in it. */
    const sb_slot_set *around;
    bool in_merge; /* planning the match half of MERGE */
    bool asks;     /* planning what is read up to its first row: EXISTS */
    bool
        unsteady; /* the statement may write between two runs of the plan at hand: what one has read the next may read otherwise */
    double
        runs; /* how often the plan at hand is expected to run: below APPLY, and in expressions, once for each row */
    /* names so far */
    sb_plan_name_text *names;
    uint32_t name_count, name_capacity;
    sb_plan_index name_index;
    uint32_t *rel_places; /* special.c: of a slot in the list at hand, from 1; else 0 */
    uint32_t rel_place_count;
    sb_cypher_watch *watch; /* may be NULL */
    sb_err *err;
} sb_planner;

/* Operators of one statement, those of sub-queries included: rows are pulled through them by recursion, so their number bounds the stack. */
#define SB_PLAN_OPERATORS_MAX 4000u

/* ---- util.c ------------------------------------------------------------------------------------------------ */

SB_MUST_CHECK sb_status sb_plan__set_add(sb_planner *p, sb_slot_set *set, uint32_t slot);
SB_MUST_CHECK sb_status sb_plan__set_add_all(sb_planner *p, sb_slot_set *set,
                                             const sb_slot_set *other);
SB_MUST_CHECK sb_status sb_plan__set_copy(sb_planner *p, const sb_slot_set *set, sb_slot_set *copy);
bool sb_plan__set_has(const sb_slot_set *set, uint32_t slot);
/* Is every member of a in b? */
bool sb_plan__set_within(const sb_slot_set *a, const sb_slot_set *b);
bool sb_plan__set_meets(const sb_slot_set *a, const sb_slot_set *b);
uint32_t sb_plan__set_count(const sb_slot_set *set);

/* The newest thing with this hash, and the one before number `at`; SB_PLAN_NONE. */
uint32_t sb_plan__index_find(const sb_plan_index *index, uint64_t hash);
uint32_t sb_plan__index_next(const sb_plan_index *index, uint32_t at);
/* Number index->count is that of a thing with this hash. */
SB_MUST_CHECK sb_status sb_plan__index_add(sb_planner *p, sb_plan_index *index, uint64_t hash);

/* A zeroed operator on top of input. */
SB_MUST_CHECK sb_status sb_plan__new(sb_planner *p, sb_plan_kind kind, sb_plan *input,
                                     sb_plan **plan);
SB_MUST_CHECK sb_status sb_plan__name(sb_planner *p, sb_name_kind kind, sb_bytes text,
                                      sb_plan_name *name);
SB_MUST_CHECK sb_status sb_plan__var(sb_planner *p, uint32_t kinds, sb_var **var);
/* Count work, in units of half a nanosecond or so: what makes no operators and looks at many things says how many. */
SB_MUST_CHECK sb_status sb_plan__work(sb_planner *p, size_t units);
/* The error of a statement with more than SB_PLAN_OPERATORS_MAX operators, said as soon as it is known: planning takes more than linear time. */
SB_MUST_CHECK sb_status sb_plan__too_many(sb_planner *p);
/* Zeroed memory of the statement. */
SB_MUST_CHECK sb_status sb_plan__alloc(sb_planner *p, size_t count, size_t bytes,
                                       void *out_pointer);

SB_MUST_CHECK sb_status sb_plan__expr_var(sb_planner *p, const sb_var *var, sb_expr **expr);
SB_MUST_CHECK sb_status sb_plan__expr_property(sb_planner *p, const sb_var *var, sb_bytes key,
                                               sb_span span, sb_expr **expr);
SB_MUST_CHECK sb_status sb_plan__expr_binary(sb_planner *p, sb_op2 op, sb_expr *a, sb_expr *b,
                                             sb_expr **expr);
SB_MUST_CHECK sb_status sb_plan__expr_not(sb_planner *p, sb_expr *a, sb_expr **expr);
SB_MUST_CHECK sb_status sb_plan__expr_not_null(sb_planner *p, const sb_var *var, sb_expr **expr);
/* Is a relationship another than the one, or than all in the list (or in its lists), that is the value of used? */
SB_MUST_CHECK sb_status sb_plan__expr_unlike(sb_planner *p, const sb_var *rel, const sb_var *used,
                                             sb_expr **expr);
SB_MUST_CHECK sb_status sb_plan__expr_labels(sb_planner *p, const sb_var *var,
                                             const sb_label_expr *labels, sb_expr **expr);

/* What EXPLAIN calls a value: its expression as it was written. */
sb_bytes sb_plan__written(const sb_planner *p, const sb_expr *e);
/* The same expression to a reader: equal trees with the same variables. */
bool sb_plan__expr_same(const sb_expr *a, const sb_expr *b);
/* Equal for such expressions. Goes through all of e, which has e->weight parts. */
uint64_t sb_plan__expr_hash(const sb_expr *e);
/* Is it without sub-queries and patterns, which begin plans of their own? e may be NULL. */
bool sb_plan__is_plain(const sb_expr *e);
bool sb_plan__same_labels(const sb_label_expr *a, const sb_label_expr *b);

/* Slots of all variables that an expression mentions, in patterns and sub-queries too, those that it binds included. */
SB_MUST_CHECK sb_status sb_plan__expr_slots(sb_planner *p, const sb_expr *expr, sb_slot_set *set);
/* Slots of the variables that an expression binds itself (lambdas, inner patterns). What it mentions less what it binds is what
 * it needs. */
SB_MUST_CHECK sb_status sb_plan__expr_needs(sb_planner *p, const sb_expr *expr, sb_slot_set *set);
/* The same of a repeated part, which binds what it has groups of. */
SB_MUST_CHECK sb_status sb_plan__quantified_needs(sb_planner *p, const sb_quantified *q,
                                                  sb_slot_set *set);

/* ---- query.c --------------------------------------------------------------------------------------------------- */

/* Plan a query, beginning with an ARGUMENT; bound: slots with values in the rows that it is run for. The plan's rows have the
 * query's columns. */
SB_MUST_CHECK sb_status sb_plan__query(sb_planner *p, sb_query *query, const sb_slot_set *bound,
                                       sb_plan **plan);
/* Plan clauses one after the other on top of input. bound is kept up to date. */
SB_MUST_CHECK sb_status sb_plan__clauses(sb_planner *p, sb_clause *const *clauses, uint32_t count,
                                         sb_plan *input, sb_slot_set *bound, sb_plan **plan);
/* Give every sub-query and pattern in an expression its plan (sb_expr.plan): a RESULT over what is collected. expr may be NULL. */
SB_MUST_CHECK sb_status sb_plan__expr(sb_planner *p, sb_expr *expr, const sb_slot_set *bound);
/* From here on, what is planned runs for each of so many rows; the runs of before, which the caller puts back. */
double sb_plan__run_for_each(sb_planner *p, double rows);
/* An ARGUMENT to begin an inner plan with. */
SB_MUST_CHECK sb_status sb_plan__argument(sb_planner *p, double rows, sb_plan **plan);
/* COUNT { … } > 0, >= 1, = 0 and the like as EXISTS { … }, or none, which ends with the first row. */
SB_MUST_CHECK sb_status sb_plan__ask_existence(sb_planner *p, sb_expr **predicate);
/* FILTER by a predicate: sub-queries that stand alone in it become SEMI_APPLY. */
SB_MUST_CHECK sb_status sb_plan__filter(sb_planner *p, sb_plan *input, sb_expr *predicate,
                                        const sb_slot_set *bound, sb_plan **plan);

/* ---- project.c --------------------------------------------------------------------------------------------------- */

/* Compute items of each row; bound gains them. *plan is input where there are none. */
SB_MUST_CHECK sb_status sb_plan__project(sb_planner *p, sb_plan *input, sb_plan_assign *items,
                                         uint32_t count, sb_slot_set *bound, sb_plan **plan);
/* WITH and RETURN. bound is replaced by what has a value afterwards. */
SB_MUST_CHECK sb_status sb_plan__projection(sb_planner *p, sb_projection *projection,
                                            sb_plan *input, sb_slot_set *bound, sb_plan **plan);

/* ---- match.c ------------------------------------------------------------------------------------------------------ */

/* One relationship (or chain of them) of a MATCH. */
typedef struct sb_pattern_edge {
    sb_rel_pattern *rel; /* or: */
    sb_quantified *quantified;
    sb_var *from, *to, *var;   /* as written, left to right; var of quantified: NULL */
    bool var_bound;            /* the relationship has a value before the clause */
    sb_pattern_part *shortest; /* the part, when it has a selector: the edge is all of it */
    uint32_t clause;           /* relationships of one clause differ */
    sb_slot_set needs;         /* what each step of one of variable length, or repetition, reads */
} sb_pattern_edge;
typedef struct sb_pattern_node {
    sb_var *var;
    const sb_label_expr *labels; /* all places' together; NULL: none */
} sb_pattern_node;
typedef struct sb_predicate {
    sb_expr *expr;
    sb_slot_set needs;
    bool used;    /* by an operator that is in the plan already */
    bool differs; /* from call to call (rand()): to be asked for each row of the whole pattern */
} sb_predicate;
typedef struct sb_pattern_path { /* a path variable: to be made when its parts are there */
    sb_var *var;
    const sb_var **parts;
    uint32_t count;
} sb_pattern_path;
typedef struct sb_pattern_graph {
    sb_pattern_node *nodes;
    uint32_t node_count;
    sb_pattern_edge *edges;
    uint32_t edge_count;
    sb_predicate *predicates;
    uint32_t predicate_count, predicate_capacity;
    sb_pattern_path *paths;
    uint32_t path_count;
    bool repeatable; /* relationships need not differ */
    const sb_hint *hints;
    uint32_t hint_count;
} sb_pattern_graph;

/* hint.c: INDEX and SCAN hints, by what plans cost: whatever does not follow one is dear. */
const sb_hint *sb_plan__hint_of(const sb_pattern_graph *graph, const sb_var *var);
/* May var be found by this index? Not where a hint says otherwise. */
bool sb_plan__may_seek(const sb_planner *p, const sb_pattern_graph *graph, const sb_var *var,
                       const sb_schema *schema);
/* Does this access do what the hint says? */
bool sb_plan__follows(const sb_planner *p, const sb_hint *hint, const sb_plan *access);
/* Added to what a plan costs that reaches a variable another way than its hint says. */
#define SB_PLAN_UNHINTED 1e15
/* Where the plan of a pattern does not follow its hints: InvalidClauseComposition, at the hint. */
SB_MUST_CHECK sb_status sb_plan__check_hints(sb_planner *p, const sb_pattern_graph *graph,
                                             const sb_plan *plan);

/* Plan the patterns with their predicate (may be NULL) on top of input; bound gains the patterns' variables. */
SB_MUST_CHECK sb_status sb_plan__match(sb_planner *p, const sb_pattern *pattern, sb_expr *where,
                                       sb_plan *input, sb_slot_set *bound, sb_plan **plan);
/* Plan the first of some clauses, a MATCH that is not optional, together with those like it that follow: in one order, as far as that gives the
 * same rows. *taken: how many. */
SB_MUST_CHECK sb_status sb_plan__matches(sb_planner *p, sb_clause *const *clauses, uint32_t count,
                                         sb_plan *input, sb_slot_set *bound, uint32_t *taken,
                                         sb_plan **plan);
/* Split by AND. */
SB_MUST_CHECK sb_status sb_plan__add_predicates(sb_planner *p, sb_pattern_graph *graph,
                                                sb_expr *expr);
/* A pattern as in CREATE and MERGE: what is not bound is made. */
SB_MUST_CHECK sb_status sb_plan__create_pattern(sb_planner *p, const sb_pattern *pattern,
                                                const sb_slot_set *bound, sb_plan_create *create);

/* ---- order.c -------------------------------------------------------------------------------------------------------- */

/* Grow input by all nodes and edges of graph, in the cheapest order found. */
SB_MUST_CHECK sb_status sb_plan__order(sb_planner *p, sb_pattern_graph *graph, sb_plan *input,
                                       sb_slot_set *bound, sb_plan **plan);

/* ---- access.c --------------------------------------------------------------------------------------------------------- */

/* The best way to find a node that is not bound: scan, seek or id; its estimated rows for each input row. *access is an operator
 * without input; predicates that it makes true are listed in consumed (bit i of predicate i), at most the first 64. */
SB_MUST_CHECK sb_status sb_plan__access_node(sb_planner *p, const sb_pattern_graph *graph,
                                             const sb_pattern_node *node, const sb_slot_set *bound,
                                             sb_plan **access, uint64_t *consumed);
/* The same for a relationship with neither end bound; NULL when it can't be found by itself (variable length, …). */
SB_MUST_CHECK sb_status sb_plan__access_edge(sb_planner *p, const sb_pattern_graph *graph,
                                             const sb_pattern_edge *edge, const sb_slot_set *bound,
                                             sb_plan **access, uint64_t *consumed);

/* Names of a type expression that is a choice of names; *whole false: it is more than that, and needs a predicate. NULL types: all. */
SB_MUST_CHECK sb_status sb_plan__type_names(sb_planner *p, const sb_label_expr *types,
                                            const sb_plan_name **names, uint32_t *count,
                                            bool *whole);

/* ---- estimate.c --------------------------------------------------------------------------------------------------------- */

/* Nodes that match a label expression (NULL: all). Never below 1. */
SB_MUST_CHECK sb_status sb_plan__estimate_nodes(sb_planner *p, const sb_label_expr *labels,
                                                double *count);
/* Relationships of one step from a node with labels, to a node with to_labels. */
SB_MUST_CHECK sb_status sb_plan__estimate_degree(sb_planner *p, const sb_label_expr *from_labels,
                                                 const sb_rel_pattern *rel, bool forward,
                                                 const sb_label_expr *to_labels, double *degree);
/* The part of the relationships of a pattern that lead to nodes with labels. */
SB_MUST_CHECK sb_status sb_plan__estimate_ends(sb_planner *p, const sb_rel_pattern *rel,
                                               bool forward, const sb_label_expr *labels,
                                               double *share);
SB_MUST_CHECK sb_status sb_plan__estimate_rels(sb_planner *p, const sb_label_expr *types,
                                               double *count);
/* The part of rows that a predicate keeps. */
double sb_plan__selectivity(const sb_expr *predicate);

/* ---- write.c -------------------------------------------------------------------------------------------------------------- */

SB_MUST_CHECK sb_status sb_plan__update(sb_planner *p, sb_clause *clause, sb_plan *input,
                                        sb_slot_set *bound, sb_plan **plan);
/* Put EAGER steps where a clause could otherwise see what it, or a later clause, changes. */
SB_MUST_CHECK sb_status sb_plan__eager(sb_planner *p, sb_plan **plan);

/* ---- live.c ---------------------------------------------------------------------------------------------------------------- */

/* Slots that an operator itself reads, inner plans apart. */
SB_MUST_CHECK sb_status sb_plan__reads(sb_planner *p, const sb_plan *plan, sb_slot_set *set);
/* Fill in live of every operator, in the plans of sub-queries too. */
SB_MUST_CHECK sb_status sb_plan__live(sb_planner *p, sb_plan *root);
/* Call visit for each expression that an operator itself evaluates. */
SB_MUST_CHECK sb_status sb_plan__each_expr(const sb_plan *plan,
                                           sb_status (*visit)(void *ctx, sb_expr *expr), void *ctx);

/* ---- parallel.c --------------------------------------------------------------------------------------------------------- */

/* Put a GATHER where several threads are to work, in the finished plan of a statement that reads only. */
SB_MUST_CHECK sb_status sb_plan__parallel(sb_planner *p, sb_plan *root);

/* ---- special.c ---------------------------------------------------------------------------------------------------------- */

/* Has the expression a function in it that differs from call to call? */
bool sb_plan__expr_volatile(const sb_expr *e);
/* Is it a step whose rows depend on one row of the input alone, whatever rows came before? */
bool sb_plan__is_row_wise(const sb_plan *plan);
/* Does anybody above read it? After sb_plan__live; var may be NULL. */
bool sb_plan__is_live(const sb_plan *plan, const sb_var *var);
/* a <> b of two nodes that are there. */
bool sb_plan__is_difference(const sb_expr *e);
bool sb_plan__same_types(const sb_plan_expand *a, const sb_plan_expand *b);
/* Nodes that are scanned in the time that a row is made of a relationship (perf). */
#define SB_PLAN_SCAN_WORTH 4.0
/* Begin a WEIGH over a whole scan of nodes, of which nobody else reads, at the best node of its tree. */
SB_MUST_CHECK sb_status sb_plan__root_factors(sb_planner *p, sb_plan *weigh);
/* The label of a scan as an expression; NULL: it is of all nodes. */
SB_MUST_CHECK sb_status sb_plan__scan_label(sb_planner *p, const sb_plan *scan,
                                            const sb_label_expr **labels);
/* The direction seen from the other end. */
SB_INLINE sb_rel_direction sb_plan__turned(sb_rel_direction direction)
{
    return direction == SB_REL_OUT  ? SB_REL_IN
           : direction == SB_REL_IN ? SB_REL_OUT
                                    : SB_REL_EITHER;
}
/* Rewrites of a finished plan: counts from statistics and list lengths. */
SB_MUST_CHECK sb_status sb_plan__special(sb_planner *p, sb_plan **plan);
/* factor.c: an AGGREGATE that counts rows gets as few rows as can be, and what each stands for. */
SB_MUST_CHECK sb_status sb_plan__factor(sb_planner *p, sb_plan *aggregate);
/* Mark VAR_EXPANDs of which only the ends matter, each once; after sb_plan__live. Of the plan's rows duplicates
 * are dropped by who reads them (dropped), or all behind the first ones (first). */
SB_MUST_CHECK sb_status sb_plan__reach_only(sb_plan *root, bool dropped, bool first);

#endif
