/* workers.h — the threads that help queries of a database: a pool of them, and of sessions for what they read with.
 * Hides:    starting, waking and joining threads.
 * Promises: nothing is started before it is asked for; a thread that can not be started is done without; a job waits for no other.
 * Part of exec's front door (exec.h includes it).
 * Threads:  all may be called by several threads at once, but create and destroy.
 * Tests:    tests/unit/cypher/exec/test_workers.c */
#ifndef SB_CYPHER_WORKERS_H
#define SB_CYPHER_WORKERS_H

#include "graph/graph.h"

/* Most threads that one statement works with. */
#define SB_WORKERS_MAX 256u

typedef struct sb_workers sb_workers;

/* Work for a thread of the pool. Belongs to the caller, zeroed before its first use; may be submitted again when it has run. */
typedef struct sb_worker_job {
    void (*run)(void *ctx); /* does not wait for other jobs: there may be no thread for those */
    void *ctx;
    struct sb_worker_job *next; /* the pool's from here on */
    enum { SB_JOB_IDLE, SB_JOB_QUEUED, SB_JOB_RUNNING } state;
} sb_worker_job;

SB_MUST_CHECK sb_status sb_workers_create(sb_pager *pager, sb_workers **workers, sb_err *err);
/* Joins the threads and closes the sessions; all jobs are done, all sessions given back. In a child after fork there are no threads to
 * join. Accepts NULL. */
void sb_workers_destroy(sb_workers *workers);

/* False in a child after fork, in which no job that was submitted ends: it must not wait for one, nor touch what one may hold. */
bool sb_workers_are_here(const sb_workers *workers);

/* Run a job on a thread of the pool, which grows up to `threads` of them. False: there is no thread, nor can one be started; the job will not
 * run. */
SB_MUST_CHECK bool sb_workers_submit(sb_workers *workers, unsigned threads, sb_worker_job *job);
bool sb_workers_is_idle(sb_workers *workers, const sb_worker_job *job);
/* Take a job back: one that has not begun never will; one that runs is waited for. */
void sb_workers_withdraw(sb_workers *workers, sb_worker_job *job);

/* A session without a transaction: an idle one, or a new one. */
SB_MUST_CHECK sb_status sb_workers_session(sb_workers *workers, sb_session **session, sb_err *err);
void sb_workers_give_back(sb_workers *workers, sb_session *session); /* accepts NULL */

typedef struct sb_workers_counts {
    unsigned threads;               /* started */
    size_t sessions, idle_sessions; /* open, and of these not in use */
} sb_workers_counts;
sb_workers_counts sb_workers_count(sb_workers *workers);

#endif
