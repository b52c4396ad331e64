/* morsel.h — parallel execution of a plan that begins with one scan: the scanned ids are divided in ranges, called morsels, that threads take
 * when they are ready for more (Leis et al., "Morsel-driven parallelism", 2014).
 * The planner puts a GATHER where it may be done (plan/parallel.c). Each helping thread runs the plan below it as a run of its own (a part:
 * operators, evaluators, arenas), with a session that reads the same snapshot; what runs share is the plan, the parameters, the memory budget
 * and who takes which morsel. So nothing of an operator is ever used by two threads at once.
 * Results are the same with 1 or n threads, to the order of rows and the last bit:
 *  - rows are handed on in the order of their morsels (op_gather.c);
 *  - of an aggregation each part reads morsels that follow one another, and parts are merged in that order; sums of floats are exact
 *    (base/exact_sum.h);
 *  - of several failures the one in the lowest morsel is told.
 * What can not be done in parts (no thread, no session, not enough memory) is done by the statement's own thread, undivided.
 * Part of exec/.                                        Tests: tests/api/test_query_parallel.c */
#ifndef SB_CYPHER_MORSEL_H
#define SB_CYPHER_MORSEL_H

#include "cypher/exec/exec_priv.h"

/* ---- What both kinds of division use ------------------------------------------------------------------------------ */

/* A run of a part with what it reads by. Zeroed: closed. */
typedef struct sb_helper {
    sb_exec *exec;
    sb_session *session; /* NULL: not reading any more */
    sb_txn *txn;
} sb_helper;

/* cancel: stops it; NULL: it runs on the statement's own thread, and watches what that watches. */
SB_MUST_CHECK sb_status sb_helper__open(sb_exec *of, const sb_plan *plan, _Atomic bool *cancel,
                                        sb_helper *helper, sb_err *err);
/* End its transaction and give the session back; of the operators only the root, when kept, still holds what it has read. Any number of
 * times. */
void sb_helper__leave(sb_exec *of, sb_helper *helper, bool keep_root);
/* The same, and close the run. Its counts are added to the statement's profile: by the statement's thread. */
void sb_helper__close(sb_exec *of, sb_helper *helper);

/* How the ids of a scan are divided. */
typedef struct sb_division {
    sb_operator *scan; /* of the statement's own operators */
    uint64_t id_end;   /* ids are below */
    uint64_t ids;      /* of a morsel */
    uint64_t count;    /* of morsels */
} sb_division;

/* Can and may the input of op, whose plan is a GATHER's input, be divided now? *count 0: no. */
void sb_division__make(sb_operator *root, const sb_plan *gather, sb_division *division);
void sb_division__range(const sb_division *division, uint64_t morsel, uint64_t *first,
                        uint64_t *last);
/* The scan that a chain of operators begins with. */
sb_operator *sb_division__scan(sb_operator *root);
/* Lack of memory, of the budget or of the system: undivided there may be enough. */
SB_INLINE bool sb_division__is_short(sb_status status, const sb_exec *run)
{
    return status == SB_NOMEM ||
           (status == SB_LIMIT && run != NULL &&
            atomic_load_explicit(&run->budget.exceeded, memory_order_relaxed));
}
/* After that the run goes on. What its operators find out once in a run may be half done, and is found out anew. */
SB_INLINE void sb_division__forgive(sb_exec *run)
{
    sb_err_clear(run->err);
    atomic_store_explicit(&run->budget.exceeded, false, memory_order_relaxed);
    run->generation++;
}

/* ---- Aggregation: parts of morsels that follow one another --------------------------------------------------------- */

/* Read all input of an operator that has read and merge (sb_operator_ops), divided where that is possible: its plan's input is a GATHER, which
 * its own input stands for. The operator has no rows yet. */
SB_MUST_CHECK sb_status sb_exec__read_divided(sb_operator *op);

#endif
