/* exec_priv.h — what the files of exec/ share: the run, operators, inner plans, output columns, evaluators.
 *
 * E1  A batch, and all that its vectors point at, is valid until the next call (next or reset) of the operator that made it. An operator
 *     calls its input only within its own next, so what it passes through lives as long as what it makes.
 * E2  What an operator makes for a batch lies in its step arena (values) and its output columns (vectors); both are reused, so a run in
 *     its stride allocates nothing.
 * E3  run->func.arena is where values are made. An operator sets it (sb_exec__use) after each call of another operator and before it
 *     evaluates; an expression that runs a plan puts it back.
 * E4  reset makes an operator ready for other argument rows and touches no other operator: sb_exec__reset walks the tree.
 * E5  Columns are looked up by slot. An operator hands on the slots of plan->live that its input has, and those that it binds. */
#ifndef SB_CYPHER_EXEC_PRIV_H
#define SB_CYPHER_EXEC_PRIV_H

#include "base/split_map.h"
#include "cypher/exec/deleted.h"
#include "cypher/exec/exec.h"

typedef struct sb_operator sb_operator;
typedef struct sb_inner sb_inner;
typedef struct sb_eval sb_eval;

/* Operators below one another, and plans within plans: bounds the stack of next and reset. */
#define SB_EXEC_DEPTH_MAX 2000u

/* ---- The run ------------------------------------------------------------------------------------------------- */

/* A name and its number: looked up when a run begins; in a run that writes, also when it is asked for and was not there. */
typedef struct sb_name_ref {
    sb_name_kind kind;
    sb_bytes text; /* of the statement */
    uint32_t id;   /* 0: not there */
    struct sb_name_ref *next;
} sb_name_ref;

/* The memory of a run: an allocator that stops at the budget. Runs of parts, on other threads, draw on the budget of the statement's run: what
 * they hold is lent to them. */
typedef struct sb_budget {
    sb_allocator base; /* use this one */
    const sb_allocator *inner;
    struct sb_budget *of;  /* a part's: that of the statement's run; NULL: its own */
    _Atomic size_t used;   /* by the run itself; changed by its thread alone */
    _Atomic size_t lent;   /* to parts; changed by any thread */
    size_t limit;          /* 0: none */
    _Atomic bool exceeded; /* an allocation was refused because of limit */
} sb_budget;

/* Bytes that the run and its parts hold. */
SB_INLINE size_t sb_budget__used(const sb_budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed) +
           atomic_load_explicit(&budget->lent, memory_order_relaxed);
}

/* Entities deleted in the run's transaction. */
typedef struct sb_deleted {
    sb_deleted_ids nodes, rels,
        pending; /* nodes that still have relationships: they go, or fail, at the end */
} sb_deleted;

/* How much of its input a statement has worked off: entities of its scans, or else rows of a list, or bytes of a file (progress.c). */
typedef struct sb_input_count {
    _Atomic uint64_t done; /* of all threads */
    uint64_t total;        /* 0: not known */
    bool asked;            /* the statistics have been asked for total */
} sb_input_count;

struct sb_exec {
    const sb_compiled *compiled;
    const sb_exec_options *options; /* the caller's, or: */
    sb_exec_options part_options;   /* of a run that is a part */
    sb_budget budget;
    const sb_allocator *alloc; /* &budget.base */
    sb_arena *arena;           /* until close */
    sb_arena *constants;       /* until reset: folded constants */
    uint64_t generation;       /* counts resets: a folded constant is of one generation */
    uint64_t version;          /* sb_view_version of the state of the graph, */
    uint64_t
        state; /* of which this counts those seen: what is known of names, schemas and counts holds for one */
    sb_graph *graph;
    sb_view *view;
    sb_err *err; /* the caller's, of the call under way */
    sb_func_context func;
    sb_zone_source zone_source; /* of func.zones */
    sb_entity_reader reader;
    sb_name_ref *names;               /* of compiled->names, by sb_plan_name */
    sb_name_ref *all_names;           /* all of them and those of evaluators, chained */
    sb_val *locals;                   /* by slot: variables that expressions bind */
    bool *local;                      /* by slot, while compiling: bound by an expression around */
    sb_operator *newest;              /* all operators, for close */
    sb_eval *evals;                   /* all evaluators, for close */
    struct sb_label_bits *label_bits; /* of the labels that were asked for */
    struct sb_list_lookups *list_lookups; /* of the lists that were looked up */
    sb_inner *root;
    const sb_batch *current; /* rows that sb_exec_next gave */
    sb_batch no_columns;     /* one row without columns, for constants */
    sb_exec_stats stats;
    sb_exec_operator_profile *profile;
    sb_deleted deleted;
    sb_unique_doubts doubts; /* of the SETs under way */
    uint32_t sets_under_way;
    bool
        any_deleted; /* in the run: batches of values do not tell what is gone from what has no value */
    bool ended, failed;
    bool fresh;      /* all operators have been reset since they ran */
    bool is_part;    /* runs a part of another run's plan, on a thread of its own */
    bool divided;    /* parts of its plan are run by others just now: it does not spill */
    uint32_t forced; /* options->force_spill, which operators look at when they are reset */
    bool timed;      /* deadline or progress is given */
    uint32_t ticks;
    uint32_t items;                   /* of lists, that expressions have gone through */
    uint64_t rows;                    /* handed out */
    sb_input_count own_input, *input; /* input: the statement's; that of a part's run is of */
    uint64_t progress_ns;             /* when the callback is due */
    uint32_t depth;                   /* of the operator being opened */
    uint32_t deepest;                 /* of all that were */
};

/* Cancel and time limit: operators that make rows (scans, look-ups, expansions, lists) call it once a batch, others at least every few
 * thousand rows of work. */
SB_MUST_CHECK sb_status sb_exec__tick_slow(sb_exec *run);
SB_MUST_CHECK SB_INLINE sb_status sb_exec__tick(sb_exec *run)
{
    const _Atomic bool *const cancel = run->options->cancel;
    const bool cancelled = cancel != NULL && atomic_load_explicit(cancel, memory_order_relaxed);
    return SB_LIKELY(!run->timed && !cancelled) ? SB_OK : sb_exec__tick_slow(run);
}
/* The same for those who ask by a pointer. */
SB_MUST_CHECK sb_status sb_exec__tick_of(void *run);
/* The same for loops over the items of a list, once an item. It counts for the run, not for the list: in nested expressions each list may
 * be short. */
SB_COLD SB_MUST_CHECK sb_status sb_exec__tick_items(sb_exec *run);
SB_MUST_CHECK SB_INLINE sb_status sb_exec__tick_item(sb_exec *run)
{
    return SB_LIKELY(++run->items % 1024 != 0) ? SB_OK : sb_exec__tick_items(run);
}
/* Does what a plan node reads count as input of the statement? It is read once, and nothing is read before it. */
bool sb_exec__is_input(const sb_exec *run, const sb_plan *plan);
/* So much of it is done: by operators for which it does, when they are asked for more. */
SB_INLINE void sb_exec__input_done(sb_exec *run, uint64_t count)
{
    (void)atomic_fetch_add_explicit(&run->input->done, count, memory_order_relaxed);
}
SB_MUST_CHECK sb_status sb_exec__tell_progress(sb_exec *run);
/* Out of memory, or of the run's budget. */
SB_COLD sb_status sb_exec__no_memory(sb_exec *run);
#define sb_exec__no_memory(run) sb_err_failed(sb_exec__no_memory(run))
/* Bytes of a block that a reset keeps for the next run: one large run, or many statements that lie idle, must not hold the memory. */
size_t sb_exec__keeps(const sb_exec *run);
/* Empty a buffer, and give its block back if it is larger than that. */
void sb_exec__empty(const sb_exec *run, sb_buffer *buffer);
void *sb_exec__alloc_zero(sb_exec *run, size_t count, size_t size); /* until close; NULL */
uint32_t sb_exec__find_name(sb_exec *run, sb_name_ref *name);
/* memset to 0 of a block that may be large. */
SB_MUST_CHECK sb_status sb_exec__zero(sb_exec *run, void *block, size_t bytes);
SB_INLINE uint32_t sb_exec__name(sb_exec *run, sb_name_ref *name)
{
    return SB_LIKELY(name->id != 0) || !run->compiled->writes ? name->id
                                                              : sb_exec__find_name(run, name);
}
/* A name of an expression, looked up with the others. */
SB_MUST_CHECK sb_status sb_exec__name_add(sb_exec *run, sb_name_kind kind, sb_bytes text,
                                          sb_name_ref **name);
/* The number of a name, made when it is not there. */
SB_MUST_CHECK sb_status sb_exec__name_make(sb_exec *run, sb_name_ref *name, uint32_t *id);

/* ---- Output columns --------------------------------------------------------------------------------------------- */

/* Memory behind a vector that an operator or evaluator makes: grows to the largest batch and stays. */
typedef struct sb_out {
    sb_vector vector;
    uint8_t *block; /* owned: values, then the bitmap of nulls */
    size_t block_bytes;
} sb_out;

void sb_exec__out_free(sb_exec *run, sb_out *out);
/* Room for count values; out->vector becomes one of kind without nulls. NULL: no memory. */
void *sb_exec__out_begin(sb_exec *run, sb_out *out, sb_vector_kind kind, uint32_t count);
/* After begin (same count): a bitmap without set bits, which is the vector's from now on. */
uint8_t *sb_exec__out_nulls(sb_out *out, uint32_t count);
/* out becomes the rows of in given by number; a constant stays one, and is shared. */
SB_MUST_CHECK sb_status sb_exec__gather(sb_exec *run, sb_out *out, const sb_vector *in,
                                        const uint32_t *rows, uint32_t count);
/* The same, null for a row of UINT32_MAX. */
SB_MUST_CHECK sb_status sb_exec__gather_nulls(sb_exec *run, sb_out *out, const sb_vector *in,
                                              const uint32_t *rows, uint32_t count);
/* One value for all rows. */
SB_MUST_CHECK sb_status sb_exec__out_constant(sb_exec *run, sb_out *out, sb_val value);
/* Typed where all values are of one kind that has vectors. vals may be out's own. */
SB_MUST_CHECK sb_status sb_exec__out_from_vals(sb_exec *run, sb_out *out, const sb_val *vals,
                                               uint32_t count);
/* A view of one row, as a constant. */
sb_vector sb_exec__row_view(const sb_vector *v, uint32_t row);
/* Ids of a column of nodes or relationships, 0 for null: the vector's own array where it can be, else made in scratch. A TypeError
 * for other values. */
SB_MUST_CHECK sb_status sb_exec__ids(sb_exec *run, const sb_batch *in, const sb_var *var,
                                     sb_vector_kind kind, sb_out *scratch, const uint64_t **ids);

/* ---- Operators ---------------------------------------------------------------------------------------------------- */

typedef struct sb_operator_ops {
    size_t state_bytes; /* of the struct that begins with sb_operator */
    bool inner_runs;    /* the inner plan has argument rows of its own: op->nested, not op->inner */
    /* NULL, or: the plan to be opened as its input, which may be another one than it has. */
    sb_status (*input_plan)(sb_operator *op, const sb_plan **input);
    sb_status (*open)(sb_operator *op); /* NULL: nothing to do. Children are open. */
    sb_status (*next)(sb_operator *op, const sb_batch **batch); /* *batch NULL: the end */
    void (*reset)(sb_operator *op);                             /* NULL: nothing to do */
    /* Of operators that are run in parts (exec/morsel.h), else NULL: read all input without giving a row; then, of the first part, take in
     * what a later part has read, which is of another run and is not used again. */
    sb_status (*read)(sb_operator *op);
    sb_status (*merge)(sb_operator *op, sb_operator *part);
    void (*close)(sb_operator *op); /* NULL; also after an open that failed */
} sb_operator_ops;

struct sb_operator {
    const sb_operator_ops *ops;
    const sb_plan *plan;
    sb_exec *run;
    sb_inner *tree; /* whose argument rows it works for */
    sb_operator *input, *inner;
    sb_inner *nested;
    uint32_t rows_wanted; /* of the next batch, where tree->few */
    sb_arena *step;       /* E2; made on first use */
    sb_batch out;         /* columns: slot_count of them */
    sb_out *outs;         /* by place in plan->live; NULL until sb_exec__need_outs */
    sb_operator *older;
};

/* A plan that is run again and again, for rows of the plan around it (or for the statement's one empty row). */
struct sb_inner {
    sb_exec *run;
    sb_operator *root;
    sb_batch argument; /* columns: slot_count */
    sb_vector *views;  /* of one row, by place in needed */
    uint32_t *needed;  /* slots that ARGUMENT operators of it hand on, where the row has them */
    bool *local;       /* by place in needed: an expression around binds it */
    uint32_t needed_count;
    bool *needs;    /* by slot, while opening */
    bool few;       /* the first rows may be enough: whether there is any is asked */
    sb_out numbers; /* of the argument rows, when batched */
};

SB_MUST_CHECK sb_status sb_exec__inner_open(sb_exec *run, const sb_plan *plan, sb_inner **inner);
/* Begin with one row; locals too are seen by it. Asks whether to go on. */
SB_MUST_CHECK sb_status sb_exec__inner_row(sb_inner *inner, const sb_batch *in, uint32_t row);
/* Begin with all rows of a batch, and their numbers in slot row. */
SB_MUST_CHECK sb_status sb_exec__inner_batch(sb_inner *inner, const sb_batch *in,
                                             const sb_var *row);

void sb_exec__operator_close(sb_operator *op);
void sb_exec__reset(sb_operator *op);
SB_MUST_CHECK sb_status sb_exec__next_profiled(sb_operator *op, const sb_batch **batch);
SB_MUST_CHECK SB_INLINE sb_status sb_exec__next(sb_operator *op, const sb_batch **batch)
{
    if (SB_UNLIKELY(op->run->profile != NULL)) return sb_exec__next_profiled(op, batch);
    return op->ops->next(op, batch);
}
/* Rows that an operator makes for its next batch: where the first may be enough one, then four times as many. */
SB_INLINE uint32_t sb_exec__rows_wanted(sb_operator *op)
{
    const uint32_t wanted = op->rows_wanted;

    if (SB_LIKELY(!op->tree->few)) return SB_BATCH_ROWS;
    op->rows_wanted = wanted < SB_BATCH_ROWS / 4 ? 4 * wanted : SB_BATCH_ROWS;
    return wanted;
}
/* Values are made in op's step arena from now on; it is emptied first. */
SB_MUST_CHECK sb_status sb_exec__begin_step(sb_operator *op);
/* The same without emptying it. */
SB_INLINE void sb_exec__use(sb_operator *op)
{
    op->run->func.arena = op->step;
}
/* Empty the step, take the next batch of the input, make values here. */
SB_MUST_CHECK sb_status sb_exec__pull(sb_operator *op, const sb_batch **in);
/* op->outs, one for each live slot. */
SB_MUST_CHECK sb_status sb_exec__need_outs(sb_operator *op);
/* Place of a variable in plan->live; UINT32_MAX: nobody reads it (or var is NULL). */
uint32_t sb_exec__live_place(const sb_operator *op, const sb_var *var);
/* The output column of a variable that op binds; NULL when nobody reads it. */
sb_out *sb_exec__out_of(sb_operator *op, const sb_var *var);
/* The input's column of a variable: SB_MISUSE when the plan does not carry it. */
SB_MUST_CHECK sb_status sb_exec__column(sb_exec *run, const sb_batch *in, const sb_var *var,
                                        const sb_vector **column);
/* Hand on the input's live columns as they are. */
void sb_exec__pass(sb_operator *op, const sb_batch *in);
/* Hand on chosen rows of the input's live columns: those whose places in op->outs are not in own (bound here). */
SB_MUST_CHECK sb_status sb_exec__pass_rows(sb_operator *op, const sb_batch *in,
                                           const uint32_t *rows, uint32_t count);
/* Hand on one row of the input, count times: as constants, without a copy. */
void sb_exec__pass_row(sb_operator *op, const sb_batch *in, uint32_t row, uint32_t count);
SB_INLINE void sb_exec__bind(sb_operator *op, const sb_var *var, const sb_out *out)
{
    if (out != NULL) op->out.columns[var->slot] = &out->vector;
}
/* Ranges of ids, both ends included, that a scan takes one after the other, instead of all ids; false: there is no more. */
typedef struct sb_id_ranges {
    bool (*next)(struct sb_id_ranges *ranges, uint64_t *first, uint64_t *last);
} sb_id_ranges;
/* Give a scan ranges (NULL: all ids again); *entity: of what. False: the operator is no scan of one entity that could be divided. */
bool sb_exec__scan_ranges(sb_operator *op, sb_id_ranges *ranges, sb_entity *entity);

/* A run of a part of another run's plan, on a graph of the same snapshot and perhaps on another thread. cancel NULL: it is watched as `of` is.
 * Its root operator's argument is the statement's empty row. */
SB_MUST_CHECK sb_status sb_exec__part_open(sb_exec *of, const sb_plan *plan, sb_graph *graph,
                                           const _Atomic bool *cancel, sb_exec **part, sb_err *err);
/* Before its transaction ends: operators let go of the graph, but its root (when kept) keeps what it has read. */
void sb_exec__part_stop(sb_exec *part, bool keep_root);
/* Add what a part has counted to the profile of the statement's run. */
void sb_exec__part_profile(sb_exec *of, const sb_exec *part);

/* ---- Evaluators ------------------------------------------------------------------------------------------------------ */

/* Compile an expression for this run. The evaluator lives until close. */
SB_MUST_CHECK sb_status sb_exec__compile(sb_exec *run, const sb_expr *expr, sb_eval **eval);
/* The same for an expression that may be NULL: *eval NULL then. */
SB_MUST_CHECK sb_status sb_exec__compile_maybe(sb_exec *run, const sb_expr *expr, sb_eval **eval);
SB_MUST_CHECK sb_status sb_exec__compile_many(sb_exec *run, sb_expr *const *exprs, uint32_t count,
                                              sb_eval ***evals);
/* For one row, or for none: a value without a row. Made in run->func.arena, or borrowed from the batch. */
SB_MUST_CHECK sb_status sb_exec__eval_row(sb_eval *eval, const sb_batch *in, uint32_t row,
                                          sb_val *value);
SB_MUST_CHECK sb_status sb_exec__eval_constant(sb_eval *eval, sb_val *value);
/* A failure of the query's own that has no place yet is placed at eval's expression; eval may be NULL. The innermost expression that fails comes first. */
void sb_exec__place(const sb_eval *eval, sb_exec *run) SB_COLD;
void sb_exec__place_at(sb_exec *run, sb_span span) SB_COLD;
/* The same for what becomes of a value: status is handed on. */
SB_MUST_CHECK SB_INLINE sb_status sb_exec__placed(const sb_eval *eval, sb_exec *run,
                                                  sb_status status)
{
    if (SB_UNLIKELY(status != SB_OK)) sb_exec__place(eval, run);
    return status;
}
/* For all rows. Valid until the evaluator's next call, and as long as the batch. */
SB_MUST_CHECK sb_status sb_exec__eval(sb_eval *eval, const sb_batch *in, const sb_vector **vector);
/* Rows for which a condition is true, ascending, in rows (SB_BATCH_ROWS places). */
SB_MUST_CHECK sb_status sb_exec__select(sb_eval *eval, const sb_batch *in, uint32_t *rows,
                                        uint32_t *count);
/* Is the condition true for one row? */
SB_MUST_CHECK sb_status sb_exec__test(sb_eval *eval, const sb_batch *in, uint32_t row, bool *is);
void sb_exec__evals_close(sb_exec *run);
/* A variable that the operator binds row by row, not in a column, while an expression is compiled; and taken back. */
void sb_exec__local(sb_exec *run, const sb_var *var, bool is);

/* ---- Label expressions -------------------------------------------------------------------------------------------------- */

typedef struct sb_labels sb_labels; /* compiled */
/* dynamic: where the values of its dynamic labels are put before it is matched; NULL where it can have none. */
SB_MUST_CHECK sb_status sb_exec__labels_compile(sb_exec *run, const sb_label_expr *expr,
                                                sb_name_kind kind, const sb_val *dynamic,
                                                sb_labels **labels);
/* A string that is not empty, or a list of such. */
SB_MUST_CHECK sb_status sb_exec__check_dynamic(sb_exec *run, sb_val v);
/* Append the numbers of all names of a list of such values; one that is not there is made, or left out. */
SB_MUST_CHECK sb_status sb_exec__dynamic_ids(sb_exec *run, sb_val list, sb_name_kind kind,
                                             bool make, sb_buffer *ids);
bool sb_exec__labels_match_set(sb_exec *run, const sb_labels *labels, sb_set_id set);
/* Are they one label? Its number, 0 when nobody has it. */
bool sb_exec__labels_one(sb_exec *run, const sb_labels *labels, sb_label_id *label);
bool sb_exec__labels_match_type(sb_exec *run, const sb_labels *labels, sb_type_id type);
/* Which of up to a batch of nodes have the labels: 1 or 0 for each. Nodes that are not there have none. */
SB_MUST_CHECK sb_status sb_exec__labels_ask(sb_exec *run, sb_labels *labels, const uint64_t *ids,
                                            uint32_t count, uint8_t *are);

/* Nodes that have a label, as bits (label_bits.c): one for each label of a run. */
typedef struct sb_label_bits sb_label_bits;
struct sb_label_bits {
    sb_label_bits *next;
    sb_label_id label;
    uint64_t generation; /* of the run that all below is of */
    uint64_t asked;      /* nodes, so far */
    bool known;          /* the bits are there */
    bool
        never; /* they are not to be: the label is not in the index, ids lie too far apart, or there is no room */
    sb_node_id first; /* whose bit is the lowest */
    sb_buffer bits;
};
SB_MUST_CHECK sb_status sb_exec__label_bits(sb_exec *run, sb_label_id label, sb_label_bits **bits);
/* So many more nodes are asked for, in a transaction that only reads: bits are made when it is time to. */
SB_MUST_CHECK sb_status sb_exec__label_bits_expect(sb_exec *run, sb_label_bits *bits,
                                                   uint32_t count);
SB_INLINE bool sb_exec__label_bit(const sb_label_bits *bits, sb_node_id id)
{
    const uint64_t place = id - bits->first; /* huge below first */
    return place / 8 < bits->bits.size && sb_bit_get(bits->bits.data, place);
}
void sb_exec__label_bits_free(sb_exec *run);

/* Is it time to work something out for all that may be asked for, which costs as much as `worth` look-ups? Once so many were made; or a part of
 * them, where the plan expects as many of this run: it is a mere estimate (ski rental with advice). */
bool sb_exec__is_due(const sb_exec *run, uint64_t asked, double expected, uint64_t worth);

/* Lists that are looked up (list_tables.c): those of one type and direction of a run, with or without relationships. */
typedef struct sb_list_lookups sb_list_lookups;
/* op looks up so many more lists; *table has them until the run ends or is reset, NULL: they are read in the file. */
SB_MUST_CHECK sb_status sb_exec__list_table(const sb_operator *op, sb_type_id type,
                                            sb_direction direction, bool rels, uint32_t count,
                                            const sb_list_table **table);
/* The one without relationships that somebody has asked for; NULL: there is none. */
const sb_list_table *sb_exec__list_table_made(const sb_exec *run, sb_type_id type,
                                              sb_direction direction);
void sb_exec__list_tables_free(sb_exec *run);

/* ---- Reading entities ------------------------------------------------------------------------------------------------------- */

void sb_exec__reader_init(sb_exec *run);
/* EntityNotFound. */
SB_COLD sb_status sb_exec__gone(sb_exec *run, sb_entity entity, uint64_t id);
#define sb_exec__gone(run, entity, id) sb_err_failed(sb_exec__gone(run, entity, id))
bool sb_exec__is_deleted(sb_exec *run, sb_entity entity, uint64_t id);
/* Before it is changed: fails if the run has deleted it. */
SB_MUST_CHECK sb_status sb_exec__still_there(sb_exec *run, sb_entity entity, uint64_t id);
/* Nodes that were deleted with relationships left: at the end of a statement they go, or it fails. */
SB_MUST_CHECK sb_status sb_exec__delete_pending(sb_exec *run);
/* Those, and unique values that two entities have: the end of a statement, or of one of its transactions. */
SB_MUST_CHECK sb_status sb_exec__settle(sb_exec *run);
/* Its transaction has ended, or was taken back: what it deleted the graph no longer has, or has again. */
void sb_exec__forget_deleted(sb_exec *run);
/* Property of one entity, copied to run->func.arena. */
SB_MUST_CHECK sb_status sb_exec__property(sb_exec *run, sb_entity entity, uint64_t id,
                                          sb_key_id key, sb_val *value);
/* Label set of a node that exists. */
SB_MUST_CHECK sb_status sb_exec__node_set(sb_exec *run, uint64_t id, sb_set_id *set);
SB_MUST_CHECK sb_status sb_exec__rel_type(sb_exec *run, uint64_t id, sb_type_id *type);
/* A stored value as one of the language, nothing of it borrowed. */
SB_MUST_CHECK sb_status sb_exec__import(sb_exec *run, sb_arena *arena, const sb_value *value,
                                        sb_val *out);

/* ---- Errors -------------------------------------------------------------------------------------------------------------------- */

/* A TypeError at run time: "what: expected …, got …". */
SB_COLD sb_status sb_exec__type_error(sb_exec *run, const char *what, const char *expected,
                                      sb_val got);
#define sb_exec__type_error(run, ...) sb_err_failed(sb_exec__type_error(run, __VA_ARGS__))
/* The number of rows, where they are counted without being made, does not fit 64 bits. */
SB_COLD sb_status sb_exec__too_many_rows(sb_exec *run);
#define sb_exec__too_many_rows(run) sb_err_failed(sb_exec__too_many_rows(run))

#endif
