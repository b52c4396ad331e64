/* plan.h — the physical plan: a tree of operators over rows whose columns are slots.
 * Rows: every variable of the statement, and each value that the planner adds, has one slot (sb_var.slot). A row of an operator has values
 *       in the slots that its input had and those that it binds. `live` says which slots anybody above still reads: others need not be
 *       carried along.
 * Input: an operator with an input works for each row of it. A plan (and an inner plan of APPLY and its kind) begins with ARGUMENT, which
 *       gives the rows that it is run for: one empty row for a statement. Both inputs of HASH_JOIN, PRODUCT and UNION begin with an
 *       ARGUMENT, which are the same row then. So a scan below another scan is a nested loop, and joins
 *       that are not nested loops have two inputs.
 * Promises: operators keep the order of their input's rows, but for AGGREGATE, DISTINCT (first of equals, in order), SORT, TOP and HASH_JOIN
 *       (order of the probing side).
 * Life:  arena(statement). Plans are shared by runs and never changed by them. Names are resolved by each run (sb_plan_name).
 * Tests: tests/cypher (plans against each other and a reference), tests/api/test_query.c */
#ifndef SB_CYPHER_PLAN_H
#define SB_CYPHER_PLAN_H

#include "cypher/sema/sema.h"
#include "graph/graph.h"

typedef struct sb_plan sb_plan;

/* A label, type or key that the plan names: an index into sb_compiled.names; its number is looked up when a run begins, 0: not there. */
typedef uint32_t sb_plan_name;

typedef enum sb_plan_kind {
    SB_PLAN_ARGUMENT,
    /* scans: bind node (or rel, from, to) */
    SB_PLAN_ALL_NODES,
    SB_PLAN_LABEL_SCAN,
    SB_PLAN_NODE_BY_ID, /* id(n) = e, elementId(n) = e, IN a list */
    SB_PLAN_INDEX_SEEK, /* equal values, a range, or a prefix, of a node or relationship index */
    SB_PLAN_REL_SCAN,   /* all relationships of some types, with their ends */
    /* expansions */
    SB_PLAN_EXPAND,      /* bind rel and to */
    SB_PLAN_EXPAND_INTO, /* both ends bound: bind rel */
    SB_PLAN_INTERSECT,   /* two ends bound: bind a node next to both, and the two relationships */
    SB_PLAN_RELATED,     /* two ends bound: rows of which some (anti: no) relationship is there */
    SB_PLAN_VAR_EXPAND,  /* variable length */
    SB_PLAN_QUANTIFIED,  /* repeat an inner plan: quantified path patterns */
    SB_PLAN_SHORTEST,    /* shortest paths between bound ends */
    /* in parallel */
    SB_PLAN_GATHER, /* its input, on several threads */
    /* row by row */
    SB_PLAN_FILTER,
    SB_PLAN_PROJECT,
    SB_PLAN_PATH, /* make a path value */
    SB_PLAN_UNWIND,
    SB_PLAN_UNWIND_RANGE, /* of a call of range(), whose list is not made */
    SB_PLAN_SKIP,
    SB_PLAN_LIMIT,
    SB_PLAN_LOAD_CSV,
    SB_PLAN_CALL,
    /* whole input */
    SB_PLAN_AGGREGATE,
    SB_PLAN_DISTINCT,
    SB_PLAN_SORT,
    SB_PLAN_TOP,          /* the first rows of a sort */
    SB_PLAN_SELECT_PATHS, /* of paths between the same nodes those that a selector wants */
    SB_PLAN_EAGER,        /* reads all of its input before it gives the first row */
    /* two inputs: input and inner */
    SB_PLAN_APPLY,          /* inner for each row */
    SB_PLAN_OPTIONAL_APPLY, /* a row of nulls where inner has none */
    SB_PLAN_SEMI_APPLY,     /* rows for which inner has one; anti: has none */
    SB_PLAN_HASH_JOIN,      /* equal values of keys; outer: rows of input without partner, too */
    SB_PLAN_PRODUCT,        /* all pairs; inner is run once and kept */
    SB_PLAN_UNION,          /* rows of input, then of inner, copied to slots of the union */
    SB_PLAN_SUBQUERY_TRANSACTIONS, /* APPLY with a commit each n rows */
    SB_PLAN_FOREACH,
    /* from statistics */
    SB_PLAN_COUNT_NODES, /* one row: how many nodes (of a label) */
    SB_PLAN_COUNT_RELS,  /* one row: how many relationships (of types, of start or end label) */
    SB_PLAN_DEGREE,      /* bind the number of relationships of a node */
    SB_PLAN_WEIGH,       /* bind how many rows trees of expansions would make of a row */
    /* writing */
    SB_PLAN_CREATE,
    SB_PLAN_MERGE, /* inner is the match; on none, create */
    SB_PLAN_SET,
    SB_PLAN_DELETE,
    /* the root of a statement */
    SB_PLAN_RESULT,
    SB_PLAN_KINDS
} sb_plan_kind;

/* One entry of sb_compiled.names. */
typedef struct sb_plan_name_text {
    sb_name_kind kind;
    sb_bytes text;
} sb_plan_name_text;

typedef struct sb_plan_assign { /* slot := expr */
    sb_expr *expr;
    const sb_var *var;
} sb_plan_assign;

typedef struct sb_plan_aggregate {
    const sb_function *function; /* count(*) : count with no argument */
    sb_expr **args;
    uint32_t arg_count;
    bool distinct;
    const sb_var *var;
} sb_plan_aggregate;

typedef struct sb_plan_sort_key {
    const sb_var *var;
    bool descending;
} sb_plan_sort_key;

typedef struct sb_plan_bound { /* of a range; expr NULL: open */
    sb_expr *expr;
    bool inclusive;
} sb_plan_bound;

/* A node or relationship that CREATE or MERGE makes. */
typedef struct sb_plan_create_node {
    const sb_var *var;
    const sb_plan_name *labels;
    uint32_t label_count;
    sb_expr *props;   /* map or parameter; NULL */
    sb_expr *dynamic; /* a list of what gives more labels; NULL */
} sb_plan_create_node;
typedef struct sb_plan_create_rel {
    const sb_var *var, *from, *to;
    sb_plan_name type; /* unless */
    sb_expr *dynamic;  /* is a list of the one expression that gives it; NULL */
    sb_expr *props;
    sb_span span;
} sb_plan_create_rel;
typedef struct sb_plan_create {
    const sb_plan_create_node *nodes;
    uint32_t node_count;
    const sb_plan_create_rel *rels;
    uint32_t rel_count;
} sb_plan_create;
typedef struct sb_plan_set_item {
    sb_set_kind kind;
    bool remove;
    sb_expr *target;
    sb_plan_name key;  /* PROPERTY */
    sb_expr *key_expr; /* DYNAMIC */
    sb_expr *value;    /* LABELS: a list of what gives more of them; NULL */
    const sb_plan_name *labels;
    uint32_t label_count;
} sb_plan_set_item;

/* Types and direction of an expansion. types NULL with count 0: all. */
typedef struct sb_plan_expand {
    const sb_var *from, *rel, *to; /* rel: of VAR_EXPAND a list; may be NULL when nobody reads it */
    sb_rel_direction direction;    /* seen from `from` */
    const sb_plan_name *types;
    uint32_t type_count;
    bool to_bound; /* `to` has a value already: only paths that end there */
    /* relationships of the same MATCH bound before: this one must differ (REL or LIST slots) */
    const sb_var **unlike;
    uint32_t unlike_count;
    /* DEGREE: start and end of each of unlike, which is not counted where it is one of from's own */
    const sb_var **unlike_starts, **unlike_ends;
    /* EXPAND, INTERSECT: one of unlike can be among from's own relationships only where this node is from; NULL: in any row. The whole NULL: all are */
    const sb_var **unlike_own;
    const sb_label_expr
        *to_labels; /* of the new node; NULL: any; checked by label set, before rows are made */
    /* VAR_EXPAND, SHORTEST */
    uint32_t min, max;
    bool
        reversed; /* the pattern was written from `to` to `from`: the list of relationships is turned round */
    bool repeatable; /* VAR_EXPAND: a relationship may come again */
    bool reach_only; /* nobody counts or reads paths: each end once (breadth first), */
    bool first_only; /* or several times, as the first ones are all that is asked for */
    /* of each relationship on the way: step_rels are it, step_nodes the node that it leads to, filter decides; NULL: none. start_filter: the same of
     * the node that the way begins with, for step_nodes alone */
    const sb_var **step_rels, **step_nodes;
    uint32_t step_rel_count, step_node_count;
    sb_expr *filter, *start_filter;
    sb_selector selector;
    uint64_t selector_count;
    const sb_var *path; /* SHORTEST: the path value */
    /* SHORTEST, written as shortestPath(): predicates on the whole path, which only paths that meet them are searched for; NULL */
    sb_expr *path_filter;
} sb_plan_expand;

/* What a factor's relationship, or its node, must differ from besides. */
typedef enum sb_plan_apart {
    SB_APART_NONE,
    SB_APART_BACK_REL,    /* the relationship that leads to `from` */
    SB_APART_BACK_NODE,   /* the node that that one comes from */
    SB_APART_SIBLING_REL, /* the relationship of the factor before it, which is over the same lists */
    SB_APART_SIBLING_NODE, /* the node of that one */
} sb_plan_apart;

/* A tree of expansions that a node's row is multiplied by: the sum over the relationships of `expand` of the product of the factors
 * that hang on `to`. No two relationships of it can be the same one but for what `apart` says. */
typedef struct sb_plan_factor {
    sb_plan_expand expand; /* one step */
    sb_expr **filters;     /* about `to` alone */
    uint32_t filter_count;
    bool optional; /* no row counts as one */
    sb_plan_apart apart;
    const struct sb_plan_factor *const *children;
    uint32_t child_count;
} sb_plan_factor;
typedef struct sb_plan_weight { /* of one node of the row */
    const sb_var *node;
    const sb_plan_factor *const *factors;
    uint32_t factor_count;
} sb_plan_weight;

struct sb_plan {
    sb_plan_kind kind;
    sb_plan *input, *inner;
    double rows;          /* estimate */
    double cost;          /* estimate, inputs included */
    const uint32_t *live; /* slots that are read above, ascending */
    uint32_t live_count;
    uint32_t number; /* in preorder: PROFILE */
    union {
        struct {
            const sb_var *row;
        } argument; /* row: number of the argument row, when batched; NULL */
        struct {
            const sb_var *node;
            sb_plan_name label;
            bool label_given;
        } scan; /* ALL_NODES, LABEL_SCAN, COUNT_NODES (node: count) */
        struct {
            const sb_var *node;
            bool on_rels;
            sb_expr *id;
            bool
                bound; /* node (a relationship) has a value already: bind its ends alone; id is NULL */
            bool either;     /* as for seek */
            bool list;       /* id is a list of them */
            bool of_element; /* id is what elementId() gives, not id() */
            const sb_var *from, *to;
        } by_id;
        struct {
            uint32_t schema;      /* id of the index */
            sb_bytes index, of;   /* its name, and that of its label or type, */
            const sb_bytes *keys; /* and of its keys */
            uint32_t key_count;
            const sb_var *entity;    /* node or relationship */
            const sb_var *from, *to; /* a relationship's start and end, when it is one; */
            bool either;             /* each twice, the other way round too (a loop once) */
            sb_expr **equal;         /* leading values; */
            uint32_t equal_count;
            bool in_list;            /* the last of equal is a list: one seek for each item */
            sb_plan_bound low, high; /* of the next value */
            sb_expr *prefix;         /* STARTS WITH on the next value */
            bool unique;             /* at most one row */
        } seek;
        sb_plan_expand
            expand; /* REL_SCAN, EXPAND, EXPAND_INTO, VAR_EXPAND, SHORTEST, COUNT_RELS (rel: count), DEGREE (rel: degree) */
        struct {
            sb_plan_expand sides
                [2];     /* shorter lists first; with one `to`, whose labels stand with the first */
            bool differ; /* the relationships of the two could be one, and must not */
            bool
                between; /* those that they must differ from besides lead from one of the two nodes to the other */
            const sb_var
                *weight; /* bound to the number of rows, instead of rows; NULL: there are rows */
        } intersect;
        struct {
            const sb_quantified *pattern;
            const sb_var *from, *to;
            bool to_bound, reversed, repeatable;
            const sb_var **unlike;
            uint32_t unlike_count;
            const sb_var *inner_from, *inner_to;
            sb_selector selector;
            uint64_t selector_count;
            const sb_var *path;
            bool cuts_short; /* a way that uses a relationship twice is never a shortest one: */
            bool but_closed; /* unless it leads back to where it began, which is asked for */
        } quantified;        /* inner: one repetition */
        struct {
            bool
                merged; /* the operator above is run in parts, and merges them; else rows are handed on */
            unsigned threads;    /* most that there will be */
            uint64_t morsel_ids; /* ids of the scan that a thread takes at least */
        } gather;
        struct {
            sb_expr *predicate;
            /* the predicate is that `to` of such an expansion, which each row has had, has its to_labels; NULL */
            const sb_plan_expand *ends;
        } filter;
        struct {
            sb_plan_expand expand; /* rows whose two ends have (anti: do not have) a relationship */
            bool anti;
        } related;
        struct {
            const sb_plan_assign *items;
            uint32_t count;
        } project;
        struct {
            const sb_var *path;
            const sb_var **parts;
            uint32_t count;
        } path; /* nodes, rels and lists of rels in order */
        struct {
            sb_expr *list;
            const sb_var *var;
        } unwind; /* UNWIND, UNWIND_RANGE */
        struct {
            sb_expr *count;
        } limit; /* SKIP, LIMIT */
        struct {
            sb_expr *url, *delimiter;
            bool headers;
            const sb_var *var;
        } load_csv;
        struct {
            const sb_procedure *procedure;
            sb_span span; /* of the clause, for errors */
            sb_expr **args;
            const sb_var **results;
            const uint32_t *fields;
            uint32_t result_count;
        } call;
        struct {
            const sb_plan_assign *groups;
            uint32_t group_count;
            const sb_plan_aggregate *aggregates;
            uint32_t aggregate_count;
            const sb_var *
                weight; /* how many rows each row stands for; NULL: one. All aggregates count rows then */
            bool
                unique_keys; /* the group is a property that no two nodes have the same integer in; no two rows with weights are of one node */
        } aggregate;
        struct {
            const sb_plan_weight *weights; /* to be multiplied */
            uint32_t count;
            const sb_var *product;
            const sb_var *
                minus; /* what an INTERSECT counted: rows of the first two weights, of one factor each, that are none; NULL */
            bool one_by_one; /* tests: never the numbers of all nodes at once */
        } weigh;
        struct {
            const sb_var **vars;
            uint32_t count;
        } distinct;
        struct {
            const sb_plan_sort_key *keys;
            uint32_t count;
            sb_expr *skip, *limit; /* TOP: the first skip + limit rows; skip NULL: 0 */
        } sort;
        struct {
            const sb_var *from, *to;
            const sb_var **parts; /* what a path's length is counted by: REL, LIST of REL */
            uint32_t part_count;
            sb_selector selector;
            uint64_t count; /* k */
        } select;
        struct {
            bool anti;
            bool batched;
            const sb_var *row;
            const sb_var **nulls;
            uint32_t null_count;
            sb_expr *batch_rows;
            sb_on_error on_error;
            const sb_var *status; /* what became of the row's transaction; NULL */
        } apply;
        struct {
            sb_expr **input_keys, **inner_keys;
            uint32_t count;
            bool outer;
            bool steady; /* inner gives the same rows in each run of the plan that this is in */
            const sb_var **bound;
            uint32_t bound_count;
        } join; /* bound: what inner brings */
        struct {
            const sb_var **left, **right, **vars;
            uint32_t count;
        } union_;
        struct {
            sb_expr *list;
            const sb_var *var;
        } foreach; /* inner: from ARGUMENT, run for its effects, for each item; list NULL: once */
        sb_plan_create create;
        struct {
            sb_plan_create create;
            const sb_plan_set_item *on_create, *on_match;
            uint32_t on_create_count, on_match_count;
        } merge;
        struct {
            const sb_plan_set_item *items;
            uint32_t count;
            bool
                single; /* at most one row for one row of the argument: no EAGER need be behind it */
        } set;
        struct {
            sb_expr **entities;
            uint32_t count;
            bool detach;
            bool
                last; /* of the statement, its input EAGER: nobody sees whether a row is deleted before the next is looked at */
        } delete_;
        struct {
            const sb_var **columns;
            uint32_t count;
        } result;
    } as;
};

/* A statement made ready to run: shared by all its runs, never changed after. */
typedef struct sb_compiled {
    sb_arena *arena; /* owns everything below */
    sb_statement *statement;
    sb_plan *root; /* RESULT; NULL for schema statements and transaction control */
    const sb_plan_name_text *names;
    uint32_t name_count;
    uint32_t slot_count;
    uint32_t plan_count; /* operators, inner ones included */
    bool writes;
    uint64_t schema_stamp; /* of the indexes that it was planned with */
    double
        planned_rows; /* nodes + relationships then: planned again when that has moved by a factor of 4 */
} sb_compiled;

typedef struct sb_plan_options {
    bool no_indexes;       /* tests: never seek */
    bool no_reorder;       /* tests: patterns as written */
    uint64_t shuffle_seed; /* tests: random join orders; 0: off */
    bool
        always_factor; /* tests: count by factors however few rows there are; when the seed is odd, node by node */
    bool always_seek; /* tests: seek wherever an index serves, however few entities there are */
    bool
        no_special; /* tests: no counts from statistics, no degree, no top, no semi-apply unnesting */
    unsigned threads;    /* to plan for: below 2 nothing is done in parallel */
    bool force_parallel; /* tests: where it can be done, however little there is to do */
} sb_plan_options;

/* Plan an analyzed query for the graph's schema and statistics. watch is asked now and then; NULL: none. */
SB_MUST_CHECK sb_status sb_plan_make(sb_arena *arena, sb_statement *statement, uint32_t slot_count,
                                     sb_graph *graph, const sb_plan_options *options,
                                     sb_cypher_watch *watch, sb_compiled **compiled, sb_err *err);

/* Is it still the plan to run on this graph: does that have the indexes it was made for, and about as many entities? */
bool sb_plan_schema_fits(const sb_compiled *compiled, sb_graph *graph);
SB_MUST_CHECK sb_status sb_plan_size_fits(const sb_compiled *compiled, sb_graph *graph, bool *fits,
                                          sb_err *err);

/* Place of a slot in plan->live; UINT32_MAX: nobody above reads it. */
uint32_t sb_plan_live_place(const sb_plan *plan, uint32_t slot);

/* Does the plan, or one in it, write? */
bool sb_plan_writes(const sb_plan *plan);

/* What EXPLAIN shows of an operator: name ("NodeIndexSeek") and details ("p:Person(name) = $x"). */
const char *sb_plan_operator_name(const sb_plan *plan);
SB_MUST_CHECK sb_status sb_plan_details(const sb_compiled *compiled, const sb_plan *plan,
                                        sb_buffer *out);

#endif
