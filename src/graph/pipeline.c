/* pipeline.c — work done in parallel and taken in order.
 * Slots form a ring: head is taken next, [head, tail) hold pieces. The calling thread fills free slots, takes the head when it
 * is done, and works itself when there is nothing to take. Threads that can not be made are done without. */
#include "graph/bulk_priv.h"

typedef enum slot_state { SLOT_FREE, SLOT_READY, SLOT_BUSY, SLOT_DONE } slot_state;

#define THREADS_MAX 64u

typedef struct pipe {
    const sb_pipe_steps *steps;
    void *ctx;
    void **slots;
    slot_state *states; /* by mutex */
    size_t slot_count;
    uint64_t head, tail; /* tail: by mutex */
    uint64_t next_ready; /* by mutex: none before it is READY */
    bool stop;           /* by mutex */
    sb_mutex *mutex;
    sb_condition *ready, *done;
} pipe;

/* Under mutex: the oldest piece nobody works on, or UINT64_MAX. */
static uint64_t claim(pipe *p)
{
    while (p->next_ready < p->tail && p->states[p->next_ready % p->slot_count] != SLOT_READY)
        p->next_ready++;
    if (p->next_ready >= p->tail) return UINT64_MAX;
    p->states[p->next_ready % p->slot_count] = SLOT_BUSY;
    return p->next_ready++;
}

/* Mutex held on entry and return. */
static void work_on(pipe *p, uint64_t piece)
{
    const size_t slot = (size_t)(piece % p->slot_count);

    sb_mutex_unlock(p->mutex);
    p->steps->work(p->ctx, p->slots[slot]);
    sb_mutex_lock(p->mutex);
    p->states[slot] = SLOT_DONE;
    sb_condition_signal(p->done);
}

static void run_worker(void *ctx)
{
    pipe *p = ctx;

    sb_mutex_lock(p->mutex);
    while (!p->stop) {
        const uint64_t piece = claim(p);
        if (piece == UINT64_MAX)
            sb_condition_wait(p->ready, p->mutex);
        else
            work_on(p, piece);
    }
    sb_mutex_unlock(p->mutex);
}

/* Take the head if it is done, else work, else wait. Mutex not held. */
static sb_status advance(pipe *p, sb_err *err)
{
    const size_t slot = (size_t)(p->head % p->slot_count);

    sb_mutex_lock(p->mutex);
    while (p->states[slot] != SLOT_DONE) {
        const uint64_t piece = claim(p);
        if (piece == UINT64_MAX)
            sb_condition_wait(p->done, p->mutex);
        else
            work_on(p, piece);
    }
    p->states[slot] = SLOT_FREE;
    sb_mutex_unlock(p->mutex);
    p->head++;
    return p->steps->take(p->ctx, p->slots[slot], err);
}

static sb_status run(pipe *p, sb_err *err)
{
    bool more = true;

    while (more || p->head != p->tail) {
        while (more && p->tail - p->head < p->slot_count) {
            const size_t slot = (size_t)(p->tail % p->slot_count);
            SB_TRY(p->steps->next(p->ctx, p->slots[slot], &more, err));
            if (!more) break;
            sb_mutex_lock(p->mutex);
            p->states[slot] = SLOT_READY;
            p->tail++;
            sb_condition_signal(p->ready);
            sb_mutex_unlock(p->mutex);
        }
        if (p->head != p->tail) SB_TRY(advance(p, err));
    }
    return SB_OK;
}

sb_status sb_pipe__run(const sb_allocator *alloc, unsigned threads, const sb_pipe_steps *steps,
                       void *ctx, void **slots, size_t slot_count, sb_err *err)
{
    pipe p = {.steps = steps, .ctx = ctx, .slots = slots, .slot_count = slot_count};
    sb_thread *workers[THREADS_MAX] = {NULL};
    unsigned worker_count = 0;
    size_t bytes = 0;
    sb_status st;

    if (!sb_mul_size(slot_count, sizeof *p.states, &bytes)) return SB_FAIL_NOMEM(err);
    p.states = sb_alloc_zero(alloc, bytes);
    if (p.states == NULL) return SB_FAIL_NOMEM(err);
    if ((st = sb_mutex_create(alloc, SB_RANK_QUEUE, &p.mutex, err)) != SB_OK) goto done;
    if ((st = sb_condition_create(alloc, &p.ready, err)) != SB_OK) goto done;
    if ((st = sb_condition_create(alloc, &p.done, err)) != SB_OK) goto done;
    while (worker_count + 1 < threads && worker_count < THREADS_MAX) {
        /* benign: fewer threads do the same */
        if (sb_thread_create(alloc, run_worker, &p, &workers[worker_count], NULL) != SB_OK) break;
        worker_count++;
    }
    st = run(&p, err);
    sb_mutex_lock(p.mutex);
    p.stop = true;
    sb_condition_broadcast(p.ready);
    sb_mutex_unlock(p.mutex);
    while (worker_count != 0)
        sb_thread_join(workers[--worker_count]);

done:
    sb_condition_destroy(p.done);
    sb_condition_destroy(p.ready);
    sb_mutex_destroy(p.mutex);
    sb_free(alloc, p.states, bytes);
    return st;
}
