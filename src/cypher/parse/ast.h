/* ast.h — the syntax tree of a statement, as the parser makes it and semantic analysis annotates it.
 * All of it lives in the statement's arena; texts (names, strings) are borrowed from that arena, never from the caller's query.
 * Lists are arrays with counts. A field that may be absent is NULL (or count 0) and says so.
 * Fields below a line "set by sema" are zero until semantic analysis has run. */
#ifndef SB_CYPHER_AST_H
#define SB_CYPHER_AST_H

#include "base/base.h"
#include "cypher/lex/error.h"
#include "cypher/lex/watch.h"

typedef struct sb_expr sb_expr;
typedef struct sb_query sb_query;
typedef struct sb_clause sb_clause;
typedef struct sb_pattern_part sb_pattern_part;
struct sb_function; /* func/func.h */

/* ---- Variables ------------------------------------------------------------------------------------------- */

/* What is known about a value before it exists. A bit set; SB_KIND_ANY where nothing is known. */
typedef enum sb_kind {
    SB_KIND_NULL = 1 << 0,
    SB_KIND_BOOL = 1 << 1,
    SB_KIND_INT = 1 << 2,
    SB_KIND_FLOAT = 1 << 3,
    SB_KIND_STRING = 1 << 4,
    SB_KIND_LIST = 1 << 5,
    SB_KIND_MAP = 1 << 6,
    SB_KIND_NODE = 1 << 7,
    SB_KIND_REL = 1 << 8,
    SB_KIND_PATH = 1 << 9,
    SB_KIND_BYTES = 1 << 10,
    SB_KIND_POINT = 1 << 11,
    SB_KIND_DATE = 1 << 12,
    SB_KIND_LOCAL_TIME = 1 << 13,
    SB_KIND_TIME = 1 << 14,
    SB_KIND_LOCAL_DATETIME = 1 << 15,
    SB_KIND_DATETIME = 1 << 16,
    SB_KIND_DURATION = 1 << 17,
    SB_KIND_ANY = (1 << 18) - 1
} sb_kind;
#define SB_KIND_NUMBER ((uint32_t)SB_KIND_INT | SB_KIND_FLOAT)

/* One variable of a statement: made where it is bound, shared by all uses. Two variables of one name in different scopes are two
 * of these. Every variable, also one that the planner makes, has a slot of its own in the rows of the statement. */
typedef struct sb_var {
    sb_bytes name;  /* for columns and messages; empty: made by the compiler */
    sb_span span;   /* where it is bound */
    uint32_t slot;  /* column of the statement's rows, from 0 */
    uint32_t kinds; /* sb_kind mask */
    uint32_t
        items; /* LIST: kinds of its items (group variables, relationships of a variable-length pattern) */
    bool nullable; /* may be null: from OPTIONAL MATCH or an expression */
    bool
        sought; /* sema: somebody has looked for its name, or listed all names; else nobody reads it */
} sb_var;

/* ---- Expressions ------------------------------------------------------------------------------------------- */

typedef enum sb_expr_kind {
    SB_EXPR_NULL,
    SB_EXPR_BOOL, /* value.boolean */
    SB_EXPR_INT,  /* value.integer */
    SB_EXPR_FLOAT, /* value.real; name: as it was written, without a sign; empty: made by the compiler */
    SB_EXPR_STRING,   /* name */
    SB_EXPR_PARAM,    /* name without the $; value.integer: its place among the statement's */
    SB_EXPR_VAR,      /* name; sema: var */
    SB_EXPR_PROPERTY, /* args[0].name */
    SB_EXPR_LIST,     /* args */
    SB_EXPR_MAP,      /* keys, args */
    /* args[0]{…}: items i from 1 on: keys[i] with args[i] (a value), or args[i] NULL: the property keys[i]; star: all properties */
    SB_EXPR_MAP_PROJECTION,
    SB_EXPR_INDEX, /* args[0][args[1]] */
    SB_EXPR_SLICE, /* args[0][args[1]..args[2]]; either bound may be NULL */
    SB_EXPR_UNARY,
    SB_EXPR_BINARY,
    SB_EXPR_CALL,       /* name (dotted, as written), distinct, args; sema: function */
    SB_EXPR_COUNT_STAR, /* count(*) */
    /* args: [operand or NULL,] then pairs when, then; and the else value (NULL when there is none) last: arg_count is even */
    SB_EXPR_CASE,
    SB_EXPR_LIST_COMPREHENSION, /* [bound IN args[0] WHERE args[1] | args[2]]; args[1], args[2] may be NULL */
    SB_EXPR_QUANTIFIER, /* quantifier(bound IN args[0] WHERE args[1]) */
    SB_EXPR_REDUCE,     /* reduce(bound2 = args[0], bound IN args[1] | args[2]) */
    SB_EXPR_PATTERN_COMPREHENSION, /* [bound = pattern WHERE args[0] | args[1]]; bound and args[0] may be NULL */
    SB_EXPR_PATTERN,               /* a pattern as predicate: (a)-->(b) */
    SB_EXPR_SHORTEST, /* shortestPath((a)-[*]->(b)) as a value: pattern, with its selector */
    SB_EXPR_EXISTS,   /* EXISTS { … }: query */
    SB_EXPR_COUNT,    /* COUNT { … } */
    SB_EXPR_COLLECT,  /* COLLECT { … } */
    SB_EXPR_HAS_LABELS, /* args[0]:labels (a node's labels or a relationship's type); then the args of dynamic ones */
    SB_EXPR_IS_TYPE,      /* args[0] IS [NOT] :: type; negated */
    SB_EXPR_IS_NORMALIZED /* args[0] IS [NOT] form NORMALIZED; name is the form ("NFC"); negated */
} sb_expr_kind;

typedef enum sb_op1 {
    SB_OP1_NOT,
    SB_OP1_MINUS,
    SB_OP1_PLUS,
    SB_OP1_IS_NULL,
    SB_OP1_IS_NOT_NULL
} sb_op1;
typedef enum sb_op2 {
    SB_OP2_OR,
    SB_OP2_XOR,
    SB_OP2_AND,
    SB_OP2_EQ,
    SB_OP2_NE,
    SB_OP2_LT,
    SB_OP2_LE,
    SB_OP2_GT,
    SB_OP2_GE, /* a < b < c is (a < b) AND (b < c), b shared */
    SB_OP2_ADD,
    SB_OP2_SUB,
    SB_OP2_MUL,
    SB_OP2_DIV,
    SB_OP2_MOD,
    SB_OP2_POW,
    SB_OP2_CONCAT, /* || */
    SB_OP2_IN,
    SB_OP2_STARTS_WITH,
    SB_OP2_ENDS_WITH,
    SB_OP2_CONTAINS,
    SB_OP2_REGEX
} sb_op2;
/* a op b is b sb_op2_turned(op) a, of a comparison. */
SB_INLINE sb_op2 sb_op2_turned(sb_op2 op)
{
    switch ((int)op) {
    case SB_OP2_LT: return SB_OP2_GT;
    case SB_OP2_LE: return SB_OP2_GE;
    case SB_OP2_GT: return SB_OP2_LT;
    case SB_OP2_GE: return SB_OP2_LE;
    default: return op;
    }
}
typedef enum sb_quantifier { SB_ALL, SB_ANY, SB_NONE, SB_SINGLE } sb_quantifier;

/* A type in IS :: or a CAST: kinds, and of a list its items. */
typedef struct sb_type_spec {
    uint32_t kinds;                   /* without NULL when NOT NULL was said */
    const struct sb_type_spec *items; /* LIST<…>; NULL: any */
} sb_type_spec;

/* Label and type expressions: A, A&B, A|B, !A, %, $(expr). */
typedef enum sb_label_op {
    SB_LABEL_NAME,
    SB_LABEL_AND,
    SB_LABEL_OR,
    SB_LABEL_NOT,
    SB_LABEL_ANY,
    SB_LABEL_DYNAMIC /* the names that an expression gives; in HAS_LABELS alone, once sema is through */
} sb_label_op;
typedef struct sb_label_expr {
    sb_label_op op;
    sb_span span;
    sb_bytes name;                            /* NAME */
    const struct sb_label_expr *left, *right; /* right NULL for NOT */
    struct sb_expr *expr;                     /* DYNAMIC: a string or a list of them */
    bool any;                                 /* DYNAMIC: one of them is enough */
    uint32_t arg; /* DYNAMIC, of HAS_LABELS: where expr is among the args */
} sb_label_expr;

struct sb_expr {
    uint8_t kind; /* sb_expr_kind */
    uint8_t op;   /* sb_op1, sb_op2, sb_quantifier */
    bool distinct, negated, star;
    bool parenthesized; /* written in parentheses (the grammar asks in places) */
    uint32_t depth;     /* 1 + that of the deepest part: at most SB_CYPHER_DEPTH_MAX */
    /* expressions in it, itself included, shared ones (of a < b < c) as often as they are met: what a walk costs, bounded by the parser
     * in the length of the text */
    uint32_t weight;
    sb_span span;
    sb_bytes name;
    union {
        bool boolean;
        int64_t integer;
        double real;
    } value;
    sb_expr **args; /* entries may be NULL where the kind says so */
    uint32_t arg_count;
    const sb_bytes *keys;             /* arg_count of them: MAP, MAP_PROJECTION */
    sb_bytes bound_name, bound2_name; /* variables that the expression binds; empty: none */
    sb_pattern_part *pattern;
    sb_query *query;
    const sb_label_expr *labels;
    const sb_type_spec *type;
    /* set by sema */
    sb_var *var;                        /* VAR */
    sb_var *bound, *bound2;             /* what the expression binds */
    const struct sb_function *function; /* CALL */
    uint32_t kinds, items;              /* sb_kind masks of the value, and of a list's items */
    bool aggregates;                    /* contains an aggregation of its own level */
    bool constant;                      /* needs no row: literals and parameters */
    /* set by the planner: SB_EXPR_PATTERN…COLLECT run this plan for each row */
    struct sb_plan *plan;
};

/* ---- Patterns ------------------------------------------------------------------------------------------------ */

typedef struct sb_node_pattern {
    sb_span span;
    sb_bytes name;               /* empty: anonymous */
    const sb_label_expr *labels; /* NULL: any */
    sb_expr *props;              /* map or parameter; NULL */
    sb_expr *where;              /* NULL; sema: dynamic labels that are matched are part of it */
    /* set by sema */
    sb_expr *dynamic; /* CREATE, MERGE: a list of what gives dynamic labels; NULL */
    sb_var *var;      /* anonymous ones get one, too */
    bool
        binds; /* this place binds the variable: not bound by an earlier clause or an earlier place of the clause */
} sb_node_pattern;

typedef enum sb_rel_direction { SB_REL_OUT, SB_REL_IN, SB_REL_EITHER } sb_rel_direction;
typedef struct sb_rel_pattern {
    sb_span span;
    sb_bytes name;
    const sb_label_expr *types; /* NULL: any */
    sb_rel_direction direction; /* <--> and -- are EITHER */
    bool variable;              /* [*min..max] */
    uint32_t min, max;          /* of variable: 1, UINT32_MAX when not given */
    sb_expr *props, *where;
    /* set by sema */
    sb_expr *dynamic; /* CREATE, MERGE: gives the type, in place of types; NULL */
    sb_var *var;      /* REL, or of variable ones LIST of REL */
    bool binds;
} sb_rel_pattern;

/* A pattern part is a chain: node (rel node)*, where a rel's place may be taken by a quantified path pattern:
 * (a) ((x)-[r]->(y)){1,5} (b). */
typedef struct sb_quantified {
    sb_span span;
    sb_pattern_part *part; /* its inner chain */
    sb_expr *where;
    uint32_t min, max; /* UINT32_MAX: no bound */
    /* set by sema: group variables: the list in the outer scope for each variable of the inner one */
    struct sb_group_var {
        sb_var *inner, *outer;
    } * groups;
    uint32_t group_count;
} sb_quantified;
typedef struct sb_step {
    sb_rel_pattern *rel; /* or: */
    sb_quantified *quantified;
    sb_node_pattern *node; /* where it leads */
} sb_step;
typedef enum sb_selector {
    SB_PATHS_ALL,
    SB_PATHS_SHORTEST,        /* shortestPath(…), ANY SHORTEST, SHORTEST 1 */
    SB_PATHS_ALL_SHORTEST,    /* allShortestPaths(…), ALL SHORTEST, SHORTEST 1 GROUP */
    SB_PATHS_SHORTEST_K,      /* SHORTEST k */
    SB_PATHS_SHORTEST_GROUPS, /* SHORTEST k GROUPS */
    SB_PATHS_ANY              /* ANY [k] */
} sb_selector;
struct sb_pattern_part {
    sb_span span;
    sb_bytes name; /* path variable; empty: none */
    sb_selector selector;
    bool selector_is_function; /* written shortestPath(…) */
    uint64_t selector_count;   /* k; 1 when not given */
    sb_expr
        *where; /* of ANY SHORTEST ((a)-->(b) WHERE …): of paths, before one is selected; NULL */
    sb_node_pattern *start;
    sb_step *steps;
    uint32_t step_count;
    /* set by sema */
    sb_var *var; /* PATH; NULL: none */
};
/* USING INDEX n:Label(key), USING SCAN n:Label, USING JOIN ON n, m */
typedef enum sb_hint_kind { SB_HINT_INDEX, SB_HINT_SCAN, SB_HINT_JOIN } sb_hint_kind;
typedef struct sb_hint {
    sb_hint_kind kind;
    sb_span span;
    sb_bytes *names; /* variables; one, but for JOIN */
    uint32_t name_count;
    const sb_label_expr *labels; /* INDEX, SCAN: one name of a label or type */
    sb_bytes *keys;              /* INDEX */
    uint32_t key_count;
    sb_var **vars; /* sema: of names */
} sb_hint;
typedef struct sb_pattern {
    sb_pattern_part **parts;
    uint32_t part_count;
    bool repeatable; /* REPEATABLE ELEMENTS: a relationship may occur more than once */
    sb_hint *hints;  /* of MATCH */
    uint32_t hint_count;
} sb_pattern;

/* ---- Clauses --------------------------------------------------------------------------------------------------- */

typedef enum sb_clause_kind {
    SB_CLAUSE_MATCH,
    SB_CLAUSE_UNWIND,
    SB_CLAUSE_WITH,
    SB_CLAUSE_RETURN,
    SB_CLAUSE_FINISH,
    SB_CLAUSE_CREATE,
    SB_CLAUSE_MERGE,
    SB_CLAUSE_SET,
    SB_CLAUSE_REMOVE,
    SB_CLAUSE_DELETE,
    SB_CLAUSE_FOREACH,
    SB_CLAUSE_CALL,     /* a procedure */
    SB_CLAUSE_SUBQUERY, /* CALL { … } */
    SB_CLAUSE_LOAD_CSV
} sb_clause_kind;

typedef struct sb_projection_item {
    sb_expr *expr;
    sb_bytes
        name; /* alias, or for RETURN the expression's own text; empty: WITH without alias (an error but for a variable) */
    bool aliased;
    sb_span span;
    sb_var *
        var; /* sema: the variable that the item binds; for `WITH a` a new one (the scope is new) */
} sb_projection_item;
typedef struct sb_sort_item {
    sb_expr *expr;
    bool descending;
} sb_sort_item;
typedef struct sb_projection {
    bool distinct, star;
    bool let;                  /* written LET: no aggregation */
    sb_projection_item *items; /* sema: what star stands for comes first, expanded */
    uint32_t item_count;
    uint32_t star_count; /* sema: how many of the items are there because of star */
    sb_sort_item *order;
    uint32_t order_count;
    sb_expr *skip, *limit, *where; /* NULL; where of WITH alone */
    bool aggregates;               /* sema: some item aggregates */
} sb_projection;

/* What happens when a transaction of CALL { } IN TRANSACTIONS fails: the statement does; it goes on; it ends well. */
typedef enum sb_on_error { SB_ON_ERROR_FAIL, SB_ON_ERROR_CONTINUE, SB_ON_ERROR_BREAK } sb_on_error;

typedef enum sb_set_kind {
    SB_SET_PROPERTY, /* target.key = value; target is args of a PROPERTY expression */
    SB_SET_DYNAMIC,  /* target[key] = value */
    SB_SET_REPLACE,  /* target = map */
    SB_SET_MERGE,    /* target += map */
    SB_SET_LABELS    /* target:A:B */
} sb_set_kind;
typedef struct sb_set_item { /* of SET; of REMOVE with value NULL */
    sb_set_kind kind;
    sb_span span;
    sb_expr *target; /* the entity */
    sb_bytes key;
    sb_expr *key_expr;
    sb_expr *value; /* LABELS: a list of what gives dynamic labels; NULL */
    sb_bytes *labels;
    uint32_t label_count;
} sb_set_item;
typedef struct sb_set_list {
    sb_set_item *items;
    uint32_t count;
} sb_set_list;

typedef struct sb_yield_item {
    sb_bytes field, name; /* YIELD field AS name */
    sb_span span;
    sb_var *var;
} sb_yield_item;

struct sb_clause {
    sb_clause_kind kind;
    sb_span span;
    union {
        struct {
            bool optional;
            sb_pattern pattern;
            sb_expr *where;
        } match;
        struct {
            sb_expr *list;
            sb_bytes name;
            sb_span name_span;
            sb_var *var;
        } unwind;
        sb_projection projection; /* WITH, RETURN */
        struct {
            sb_pattern pattern;
        } create;
        struct {
            sb_pattern_part *part;
            sb_set_list on_create, on_match;
        } merge;
        sb_set_list set; /* SET, REMOVE */
        struct {
            bool detach;
            sb_expr **entities;
            uint32_t count;
        } delete_;
        struct {
            sb_bytes name;
            sb_span name_span;
            sb_expr *list;
            sb_clause **clauses;
            uint32_t count;
            sb_var *var;
        } foreach;
        struct {
            sb_bytes name; /* dotted */
            bool has_args; /* written with parentheses */
            sb_expr **args;
            uint32_t arg_count;
            bool yields, yield_star;
            sb_yield_item *items;
            uint32_t item_count;
            sb_expr *where;
            bool standalone;                      /* the statement is this call alone */
            const struct sb_procedure *procedure; /* sema */
        } call;
        struct {
            sb_query *query;
            bool optional;
            bool imports_listed, imports_all; /* CALL (a, b) { … }, CALL (*) { … } */
            sb_bytes *imports;
            uint32_t import_count;
            bool in_transactions;
            sb_expr *batch_rows; /* NULL: 1,000 */
            sb_expr *concurrent; /* IN n CONCURRENT TRANSACTIONS; NULL: not given */
            sb_on_error on_error;
            sb_bytes status_name; /* REPORT STATUS AS name; empty: no */
            sb_span status_span;
            sb_var *status_var; /* sema */
            sb_var **import_vars;
            uint32_t import_var_count; /* sema: outer variables that it sees */
        } subquery;
        struct {
            sb_expr *url;
            bool headers;
            sb_bytes name;
            sb_span name_span;
            sb_expr *delimiter;
            sb_var *var;
        } load_csv;
    } as;
};

/* ---- Statements -------------------------------------------------------------------------------------------------- */

/* Clauses from one end to the other; a query is one of these, or several joined by UNION. */
typedef struct sb_single_query {
    sb_clause **clauses;
    uint32_t count;
    sb_span span;
} sb_single_query;
struct sb_query {
    sb_single_query **parts;
    uint32_t part_count;
    bool union_all; /* all UNIONs of a query are of one kind */
    sb_span span;
    /* set by sema: result columns; count 0: none (a query that ends in an update or FINISH). Of UNION: variables of their own. */
    sb_var **columns;
    uint32_t column_count;
    bool writes;
};

typedef enum sb_statement_kind {
    SB_STATEMENT_QUERY,
    SB_STATEMENT_CREATE_INDEX,
    SB_STATEMENT_DROP_INDEX,
    SB_STATEMENT_CREATE_CONSTRAINT,
    SB_STATEMENT_DROP_CONSTRAINT,
    SB_STATEMENT_SHOW,
    SB_STATEMENT_BEGIN,
    SB_STATEMENT_COMMIT,
    SB_STATEMENT_ROLLBACK
} sb_statement_kind;
/* The numbers are those of sb_schema_kind (store/). */
typedef enum sb_constraint_kind {
    SB_CONSTRAINT_UNIQUE = 2,
    SB_CONSTRAINT_KEY = 3, /* IS NODE KEY */
    SB_CONSTRAINT_EXISTS = 4,
    SB_CONSTRAINT_TYPED = 5
} sb_constraint_kind;
typedef enum sb_show_what {
    SB_SHOW_INDEXES,
    SB_SHOW_CONSTRAINTS,
    SB_SHOW_FUNCTIONS,
    SB_SHOW_PROCEDURES
} sb_show_what;
typedef enum sb_explain { SB_EXPLAIN_NO, SB_EXPLAIN_PLAN, SB_EXPLAIN_PROFILE } sb_explain;

/* A label, type or key that the statement asks for, and does not make. */
typedef enum sb_asked_kind { SB_ASKED_LABEL, SB_ASKED_TYPE, SB_ASKED_KEY } sb_asked_kind;
typedef struct sb_asked {
    sb_asked_kind kind;
    sb_bytes name;
    sb_span span;
    struct sb_asked *next; /* later in the text, about */
} sb_asked;

typedef struct sb_statement {
    sb_statement_kind kind;
    sb_explain explain;
    bool explain_json; /* EXPLAIN JSON …, PROFILE JSON … */
    sb_bytes text;     /* the statement, in the arena */
    uint32_t depth;    /* of what is nested deepest: what walks the tree recurses so deep */
    sb_query *query;
    /* CREATE/DROP INDEX and CONSTRAINT */
    struct {
        sb_bytes name; /* empty: made up */
        bool if_exists, if_not_exists;
        bool on_rels;
        bool text_index; /* CREATE TEXT INDEX */
        sb_constraint_kind constraint;
        sb_bytes entity; /* label or type */
        sb_bytes *keys;
        uint32_t key_count;
        bool of_nodes, of_rels;   /* NODE KEY, RELATIONSHIP UNIQUE: the word stands there */
        sb_span requirement;      /* of a constraint */
        const sb_type_spec *type; /* TYPED; NULL */
        sb_span type_span;
    } schema;
    struct {
        sb_show_what what;
        sb_yield_item *items;
        uint32_t item_count;
        bool yields, yield_star;       /* YIELD */
        sb_constraint_kind constraint; /* those of SHOW UNIQUE CONSTRAINTS and the like; 0: all */
        sb_projection *order;   /* ORDER BY, SKIP, LIMIT behind YIELD, with the WHERE; NULL */
        sb_expr *where;         /* without these */
        sb_projection *returns; /* RETURN after YIELD; NULL */
    } show;
    sb_asked *asked;  /* set by sema */
    bool reads_clock; /* set by sema: a function of it may */
    sb_bytes *params; /* names of all parameters, each once, in order of appearance */
    uint32_t param_count;
} sb_statement;

/* ---- Walking ------------------------------------------------------------------------------------------------------- */

/* Visit e and all expressions in it, parents first, patterns' and sub-queries' included when deep. False from visit: not into
 * this one's parts. */
void sb_expr_walk(sb_expr *e, bool deep, bool (*visit)(void *ctx, sb_expr *e), void *ctx);
/* After sema: each place in e, its patterns and sub-queries where the value of a variable is read. Variables that e binds itself are
 * among them: the caller knows his own. */
void sb_expr_read_vars(sb_expr *e, void (*read)(void *ctx, const sb_var *var, sb_span span),
                       void *ctx);
/* Append an expression in canonical Cypher: EXPLAIN, messages. Parsed again it prints the same. Fails for want of memory alone. */
SB_MUST_CHECK sb_status sb_expr_print(const sb_expr *e, sb_buffer *out);
SB_MUST_CHECK sb_status sb_label_expr_print(const sb_label_expr *e, sb_buffer *out);
/* One part of a pattern; a whole statement, without ';'. */
SB_MUST_CHECK sb_status sb_pattern_part_print(const sb_pattern_part *part, sb_buffer *out);
SB_MUST_CHECK sb_status sb_statement_print(const sb_statement *statement, sb_buffer *out);

#endif
