/* exec.h — running a plan: batches of up to SB_BATCH_ROWS rows, pulled through a tree of operators.
 * Hides:    vectors, kernels, operator states, spilling.
 * Promises: what a run holds counts against its budget; a failing run leaves no temporary file; cancel and time limit are looked at at
 *           least once a batch and every few thousand rows of work within one.
 * Threads:  a run belongs to one thread at a time.
 * Tests:    tests/unit/cypher/exec */
#ifndef SB_CYPHER_EXEC_H
#define SB_CYPHER_EXEC_H

#include "cypher/exec/vector.h"
#include "cypher/exec/workers.h"
#include "cypher/plan/plan.h"

/* What a run needs from the outside: the caller keeps it, and what it points at, until sb_exec_close or a reset with another. */
typedef struct sb_exec_options {
    const sb_allocator *alloc;
    sb_graph *graph;
    sb_vfs *vfs;         /* temporary files, CSV files, time zones */
    sb_memory *reclaim;  /* closes temporary files later; NULL: at once */
    size_t memory_bytes; /* budget of this run; 0: none */
    const _Atomic bool *cancel;
    uint64_t deadline_ns; /* of vfs's monotonic clock; 0: none */
    sb_progress
        progress; /* about every 100 ms of work, with what is done of the input, and all of it; as long
                   * as that is not known with the rows given so far and 0; may be NULL */
    void *progress_ctx;
    bool profile;                       /* count rows and time of each operator */
    const _Atomic uint64_t *page_reads; /* of the database, while it counts them; or NULL */
    const sb_val *params;               /* one for each of statement->params, in that order */
    const struct sb_sema_env
        *env; /* what SHOW FUNCTIONS and SHOW PROCEDURES list; NULL: what is built in */
    const char *const *import_dirs; /* LOAD CSV */
    size_t import_dir_count;
    int64_t now_seconds, transaction_seconds;
    uint32_t now_nanos, transaction_nanos;
    uint64_t seed;        /* of rand() */
    uint32_t force_spill; /* tests: rows that an operator keeps in memory; 0: as the budget says */
    bool always_table;    /* tests: lists are unpacked at once, and taken for short */
    sb_workers *workers;  /* threads that may help (exec/workers.h); NULL: none */
    unsigned threads;     /* to work with, this one included */
    /* CALL { } IN TRANSACTIONS: commit and go on in a new transaction; NULL: not possible here */
    sb_status (*next_transaction)(void *ctx, sb_graph **graph, sb_err *err);
    void *next_transaction_ctx;
    /* The same with ON ERROR: remember the state of the transaction; back to it. A next_transaction that has failed has ended the old transaction:
     * a second call begins another one. */
    sb_status (*mark_transaction)(void *ctx, sb_err *err);
    sb_status (*undo_transaction)(void *ctx, sb_err *err);
} sb_exec_options;

/* SB_INTERRUPT or SB_TIMEOUT when the run shall end, before it has begun, too. Reads the clock. */
SB_MUST_CHECK sb_status sb_exec_options_poll(const sb_exec_options *options, sb_err *err);

typedef struct sb_exec_stats { /* what a statement changed */
    uint64_t nodes_created, nodes_deleted, rels_created, rels_deleted, properties_set, labels_added,
        labels_removed;
    uint64_t indexes_added, indexes_removed, constraints_added, constraints_removed;
} sb_exec_stats;
typedef struct sb_exec_operator_profile {
    uint64_t rows, batches;
    uint64_t time_ns, pages; /* with inputs'; pages of all threads, 0 without options->page_reads */
    uint64_t spilled_bytes, spilled_parts; /* to temporary files; parts: sorted runs, partitions */
} sb_exec_operator_profile;

typedef struct sb_exec sb_exec;
SB_MUST_CHECK sb_status sb_exec_open(const sb_compiled *compiled, const sb_exec_options *options,
                                     sb_exec **exec, sb_err *err);
/* Again with other parameters (and perhaps another graph), keeping memory: the path of prepared statements. */
SB_MUST_CHECK sb_status sb_exec_reset(sb_exec *exec, const sb_exec_options *options, sb_err *err);
/* Let go of what the run holds of its graph, before the transaction ends: rows are gone, a reset is next. Any number of times. */
void sb_exec_stop(sb_exec *exec);
/* The next rows: columns of the result, *row_count 0 at the end. Valid until the next call. */
SB_MUST_CHECK sb_status sb_exec_next(sb_exec *exec, uint32_t *row_count, sb_err *err);
/* How deep its operators lie below each other: next recurses so deep. */
uint32_t sb_exec_depth(const sb_exec *exec);
/* No rows are behind those of the last call, as far as is known. */
bool sb_exec_is_over(const sb_exec *exec);
/* Column i of the current rows: one value of it, or all of them as a vector (exec/vector.h). */
sb_val sb_exec_value(const sb_exec *exec, uint32_t column, uint32_t row);
const struct sb_vector *sb_exec_vector(const sb_exec *exec, uint32_t column);
size_t sb_exec_memory(const sb_exec *exec); /* bytes that it holds; 0 for NULL */
void sb_exec_stats_get(const sb_exec *exec, sb_exec_stats *stats);
/* By sb_plan.number; NULL unless options->profile. */
const sb_exec_operator_profile *sb_exec_profile(const sb_exec *exec);
void sb_exec_close(sb_exec *exec); /* accepts NULL */

#endif
