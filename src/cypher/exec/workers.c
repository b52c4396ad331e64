/* workers.c — one queue of jobs, first come first served, and threads that sleep while it is empty. */
#include "cypher/exec/workers.h"

struct sb_workers {
    sb_pager *pager; /* borrowed */
    const sb_allocator *alloc;
    sb_mutex *lock;         /* guards everything below */
    sb_condition *wanted;   /* a job is in the queue, or quit */
    sb_condition *finished; /* a job has run that somebody waits for */
    sb_worker_job *first, *last;
    unsigned queued, idle; /* jobs in the queue, threads without a job */
    bool quit;
    sb_thread *threads[SB_WORKERS_MAX];
    unsigned thread_count;
    sb_session **sessions; /* idle ones */
    size_t session_count, session_capacity, open_sessions;
};

sb_status sb_workers_create(sb_pager *pager, sb_workers **workers, sb_err *err)
{
    const sb_allocator *alloc = sb_pager_alloc(pager);
    sb_workers *made = sb_alloc_zero(alloc, sizeof *made);
    sb_status status;

    *workers = NULL;
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->pager = pager;
    made->alloc = alloc;
    status = sb_mutex_create(alloc, SB_RANK_WORKERS, &made->lock, err);
    if (status == SB_OK) status = sb_condition_create(alloc, &made->wanted, err);
    if (status == SB_OK) status = sb_condition_create(alloc, &made->finished, err);
    if (status != SB_OK) {
        sb_workers_destroy(made);
        return status;
    }
    *workers = made;
    return SB_OK;
}

static void join_threads(sb_workers *w)
{
    sb_mutex_lock(w->lock);
    w->quit = true;
    sb_condition_broadcast(w->wanted);
    sb_mutex_unlock(w->lock);
    for (unsigned i = 0; i < w->thread_count; i++)
        sb_thread_join(w->threads[i]);
}

bool sb_workers_are_here(const sb_workers *w)
{
    sb_err ignored; /* benign: asks only whether this is a child after fork */

    sb_err_clear(&ignored);
    return sb_pager_same_process(w->pager, &ignored) == SB_OK;
}

void sb_workers_destroy(sb_workers *w)
{
    if (w == NULL) return;
    const bool alone = w->thread_count != 0 && !sb_workers_are_here(w);
    if (w->thread_count != 0 && !alone) join_threads(w);
    for (size_t i = 0; i < w->session_count; i++)
        sb_session_close(w->sessions[i]);
    sb_free(w->alloc, w->sessions, w->session_capacity * sizeof(sb_session *));
    if (!alone) { /* else the parent's threads wait here for ever: to destroy a condition is to wait for them */
        sb_condition_destroy(w->finished);
        sb_condition_destroy(w->wanted);
        sb_mutex_destroy(w->lock);
    }
    sb_free(w->alloc, w, sizeof *w);
}

/* ---- Jobs ------------------------------------------------------------------------------------------------------- */

static sb_worker_job *take_job(sb_workers *w)
{
    sb_worker_job *job = w->first;

    w->first = job->next;
    if (w->first == NULL) w->last = NULL;
    w->queued--;
    job->state = SB_JOB_RUNNING;
    return job;
}

static void work(void *ctx)
{
    sb_workers *w = ctx;

    sb_mutex_lock(w->lock);
    for (;;) {
        while (w->first == NULL && !w->quit) {
            w->idle++;
            sb_condition_wait(w->wanted, w->lock);
            w->idle--;
        }
        if (w->first == NULL) break;
        sb_worker_job *job = take_job(w);
        sb_mutex_unlock(w->lock);
        job->run(job->ctx);
        sb_mutex_lock(w->lock);
        job->state = SB_JOB_IDLE;
        sb_condition_broadcast(w->finished);
    }
    sb_mutex_unlock(w->lock);
}

/* With the lock held. What can not be started is done without. */
static void start_thread(sb_workers *w)
{
    sb_err ignored;

    sb_err_clear(&ignored);
    if (sb_thread_create(w->alloc, work, w, &w->threads[w->thread_count], &ignored) == SB_OK)
        w->thread_count++;
}

bool sb_workers_submit(sb_workers *w, unsigned threads, sb_worker_job *job)
{
    const unsigned most = threads < SB_WORKERS_MAX ? threads : SB_WORKERS_MAX;

    sb_mutex_lock(w->lock);
    SB_ASSERT(job->state == SB_JOB_IDLE);
    if (w->queued >= w->idle && w->thread_count < most) start_thread(w);
    const bool taken = w->thread_count != 0;
    if (taken) {
        job->state = SB_JOB_QUEUED;
        job->next = NULL;
        if (w->last == NULL)
            w->first = job;
        else
            w->last->next = job;
        w->last = job;
        w->queued++;
        sb_condition_signal(w->wanted);
    }
    sb_mutex_unlock(w->lock);
    return taken;
}

bool sb_workers_is_idle(sb_workers *w, const sb_worker_job *job)
{
    sb_mutex_lock(w->lock);
    const bool is = job->state == SB_JOB_IDLE;
    sb_mutex_unlock(w->lock);
    return is;
}

static void take_out(sb_workers *w, const sb_worker_job *job)
{
    sb_worker_job *before = NULL;

    for (sb_worker_job *at = w->first; at != job; at = at->next)
        before = at;
    if (before == NULL)
        w->first = job->next;
    else
        before->next = job->next;
    if (w->last == job) w->last = before;
    w->queued--;
}

void sb_workers_withdraw(sb_workers *w, sb_worker_job *job)
{
    sb_mutex_lock(w->lock);
    if (job->state == SB_JOB_QUEUED) {
        take_out(w, job);
        job->state = SB_JOB_IDLE;
    }
    while (job->state == SB_JOB_RUNNING)
        sb_condition_wait(w->finished, w->lock);
    sb_mutex_unlock(w->lock);
}

/* ---- Sessions ------------------------------------------------------------------------------------------------------ */

/* Room for all open sessions to be given back, so that giving back can not fail. */
static sb_status reserve_place(sb_workers *w, sb_err *err)
{
    if (w->open_sessions < w->session_capacity) return SB_OK;
    const size_t grown = w->session_capacity == 0 ? 8 : 2 * w->session_capacity;
    sb_session **sessions =
        sb_resize(w->alloc, w->sessions, w->session_capacity * sizeof(sb_session *),
                  grown * sizeof(sb_session *));
    if (sessions == NULL) return SB_FAIL_NOMEM(err);
    w->sessions = sessions;
    w->session_capacity = grown;
    return SB_OK;
}

sb_status sb_workers_session(sb_workers *w, sb_session **session, sb_err *err)
{
    sb_status status;

    *session = NULL;
    sb_mutex_lock(w->lock);
    if (w->session_count != 0) {
        *session = w->sessions[--w->session_count];
        sb_mutex_unlock(w->lock);
        return SB_OK;
    }
    status = reserve_place(w, err);
    if (status == SB_OK) w->open_sessions++; /* its place is kept */
    sb_mutex_unlock(w->lock);
    if (status != SB_OK) return status;
    status = sb_session_open(w->pager, session, err);
    if (status == SB_OK) return SB_OK;
    sb_mutex_lock(w->lock);
    w->open_sessions--;
    sb_mutex_unlock(w->lock);
    return status;
}

void sb_workers_give_back(sb_workers *w, sb_session *session)
{
    if (session == NULL) return;
    sb_mutex_lock(w->lock);
    w->sessions[w->session_count++] = session;
    sb_mutex_unlock(w->lock);
}

sb_workers_counts sb_workers_count(sb_workers *w)
{
    sb_mutex_lock(w->lock);
    const sb_workers_counts counts = {.threads = w->thread_count,
                                      .sessions = w->open_sessions,
                                      .idle_sessions = w->session_count};
    sb_mutex_unlock(w->lock);
    return counts;
}
