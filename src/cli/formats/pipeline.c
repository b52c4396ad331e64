/* pipeline.c — pieces of a file, cut in order, parsed by any thread, taken in order by the calling one.
 * Pieces form a ring: [head, tail) are in work, head is taken next. A thread cuts a piece, while no other does, and parses it.
 * What the pieces in work hold is bounded: no piece is cut past HELD_BYTES, so there is at most one that is longer. Threads that
 * can not be made are done without: the calling one cuts and parses when there is none. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/formats/formats.h"

#define HELD_BYTES  ((size_t)64 << 20)
#define THREADS_MAX 32u
#define KEPT_BYTES  ((size_t)2 << 20) /* of text, in a piece that is free */
#define WAIT_MS     100 /* between looks at the cancel flag while there is nothing to take */

typedef enum piece_state { PIECE_FREE, PIECE_BUSY, PIECE_DONE } piece_state;

struct fmt_pipeline {
    fmt_loader *loader;
    const fmt_steps *steps;
    void *ctx;
    fmt_piece *pieces;
    size_t piece_count;
    /* By mutex: */
    piece_state *states;
    uint64_t head, tail;
    size_t held_bytes, busy;
    bool cutting, ended, stop;
    pthread_mutex_t mutex;
    pthread_cond_t free, done;
    pthread_t *threads;
    size_t thread_count;
    uint64_t progress, total; /* of the calling thread */
};

static void empty_piece(fmt_piece *piece, uint64_t number)
{
    if (piece->capacity > KEPT_BYTES) { /* of one large record */
        free(piece->text);
        piece->text = NULL;
        piece->capacity = 0;
    }
    piece->size = 0;
    piece->line = 1;
    piece->number = number;
    piece->last = false;
    fmt_records_reset(&piece->records);
}

/* Cut and parse the next piece. Mutex held on entry and return. False: there is none to cut now. */
static bool work(fmt_pipeline *p)
{
    const size_t place = (size_t)(p->tail % p->piece_count);
    fmt_piece *piece = &p->pieces[place];

    if (p->cutting || p->ended || p->tail - p->head == p->piece_count || p->held_bytes > HELD_BYTES)
        return false;
    p->states[place] = PIECE_BUSY;
    p->cutting = true;
    p->busy++;
    const uint64_t number = p->tail++;
    (void)pthread_mutex_unlock(&p->mutex);
    empty_piece(piece, number);
    p->steps->cut(p->ctx, piece);
    (void)pthread_mutex_lock(&p->mutex);
    p->cutting = false;
    p->ended = piece->last || piece->records.error.status != SOMBRA_OK;
    p->held_bytes += piece->size;
    (void)pthread_cond_signal(&p->free);
    if (p->steps->parse != NULL && piece->records.error.status == SOMBRA_OK) {
        (void)pthread_mutex_unlock(&p->mutex);
        p->steps->parse(p->ctx, piece);
        (void)pthread_mutex_lock(&p->mutex);
    }
    p->states[place] = PIECE_DONE;
    p->busy--;
    (void)pthread_cond_signal(&p->done);
    return true;
}

static void *run_worker(void *ctx)
{
    fmt_pipeline *p = ctx;

    (void)pthread_mutex_lock(&p->mutex);
    while (!p->stop && !p->ended)
        if (!work(p)) (void)pthread_cond_wait(&p->free, &p->mutex);
    (void)pthread_cond_signal(&p->free); /* the next one sees the end, too */
    (void)pthread_mutex_unlock(&p->mutex);
    return NULL;
}

/* Waits for `done` end by the clock that nobody sets: set back by an hour, the other one would keep an interrupt waiting for as long. */
static bool make_done(pthread_cond_t *done)
{
    pthread_condattr_t attributes;

    if (pthread_condattr_init(&attributes) != 0) return false;
    const bool made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                      pthread_cond_init(done, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    return made;
}

/* ---- The calling thread ---------------------------------------------------------------------------------------- */

fmt_pipeline *fmt_pipeline_open(fmt_loader *loader, const fmt_steps *steps, void *ctx)
{
    fmt_pipeline *p = fmt_need(calloc(1, sizeof *p));
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = fmt_loader_options(loader)->threads;

    if (threads == 0) threads = cores < 1 ? 1 : (size_t)cores;
    if (threads > THREADS_MAX) threads = THREADS_MAX;
    if (threads == 1)
        threads = 0; /* the calling one */
    else if (steps->parse == NULL)
        threads = 1; /* only one can cut */
    p->loader = loader;
    p->steps = steps;
    p->ctx = ctx;
    p->piece_count = threads == 0 ? 1 : 2 * threads + 2;
    p->pieces = fmt_need(calloc(p->piece_count, sizeof *p->pieces));
    p->states = fmt_need(calloc(p->piece_count, sizeof *p->states));
    p->threads = fmt_need(calloc(threads + 1, sizeof *p->threads));
    if (pthread_mutex_init(&p->mutex, NULL) != 0 || pthread_cond_init(&p->free, NULL) != 0 ||
        !make_done(&p->done))
        (void)fmt_need(NULL);
    while (p->thread_count < threads &&
           pthread_create(&p->threads[p->thread_count], NULL, run_worker, p) == 0)
        p->thread_count++;
    return p;
}

/* Until a piece is done, or some time has passed. Mutex held. */
static void wait_done(fmt_pipeline *p)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    (void)pthread_cond_timedwait(&p->done, &p->mutex, &until);
}

fmt_piece *fmt_pipeline_next(fmt_pipeline *p)
{
    fmt_piece *piece = &p->pieces[p->head % p->piece_count];
    bool cancelled = false;

    (void)pthread_mutex_lock(&p->mutex);
    while (!cancelled && !(p->ended && p->head == p->tail) &&
           p->states[p->head % p->piece_count] != PIECE_DONE) {
        if (p->thread_count == 0) {
            (void)work(p);
            continue;
        }
        wait_done(p);
        (void)pthread_mutex_unlock(&p->mutex);
        cancelled = fmt_tick(p->loader, p->progress, p->total) != SOMBRA_OK;
        (void)pthread_mutex_lock(&p->mutex);
    }
    if (cancelled || p->states[p->head % p->piece_count] != PIECE_DONE) piece = NULL;
    (void)pthread_mutex_unlock(&p->mutex);
    return piece;
}

void fmt_pipeline_release(fmt_pipeline *p)
{
    const size_t place = (size_t)(p->head % p->piece_count);

    p->progress = p->pieces[place].done;
    p->total = p->pieces[place].total;
    (void)pthread_mutex_lock(&p->mutex);
    p->states[place] = PIECE_FREE;
    p->held_bytes -= p->pieces[place].size;
    p->head++;
    (void)pthread_cond_signal(&p->free);
    (void)pthread_mutex_unlock(&p->mutex);
}

void fmt_pipeline_rest(fmt_pipeline *p)
{
    (void)pthread_mutex_lock(&p->mutex);
    while (p->busy != 0)
        (void)pthread_cond_wait(&p->done, &p->mutex);
    (void)pthread_mutex_unlock(&p->mutex);
}

void fmt_pipeline_close(fmt_pipeline *p)
{
    (void)pthread_mutex_lock(&p->mutex);
    p->stop = true;
    (void)pthread_cond_broadcast(&p->free);
    (void)pthread_mutex_unlock(&p->mutex);
    for (size_t i = 0; i < p->thread_count; i++)
        (void)pthread_join(p->threads[i], NULL);
    for (size_t i = 0; i < p->piece_count; i++) {
        if (p->pieces[i].state != NULL) p->steps->free_state(p->pieces[i].state);
        fmt_records_free(&p->pieces[i].records);
        free(p->pieces[i].text);
    }
    (void)pthread_mutex_destroy(&p->mutex);
    (void)pthread_cond_destroy(&p->free);
    (void)pthread_cond_destroy(&p->done);
    free(p->pieces);
    free(p->states);
    free(p->threads);
    free(p);
}

sombra_status fmt_pipeline_run(fmt_loader *loader, const fmt_steps *steps, void *ctx)
{
    fmt_pipeline *p = fmt_pipeline_open(loader, steps, ctx);
    sombra_status status = SOMBRA_OK;
    const fmt_piece *piece;

    while (status == SOMBRA_OK && (piece = fmt_pipeline_next(p)) != NULL) {
        status = fmt_load_records(loader, &piece->records);
        if (status == SOMBRA_OK) status = fmt_tick(loader, piece->done, piece->total);
        fmt_pipeline_release(p);
    }
    fmt_pipeline_close(p);
    return fmt_loader_error(loader)->status;
}
