/* Goal: mutexes exclude, time out and notice a wrong order; conditions wake and time out; threads run
 * with the application's signals blocked; one memory vfs serves many threads.
 * Method: real threads with counters, forked children where an assertion must end the process. */
#include "support/unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"

static const sb_allocator *const libc = &sb_allocator_libc;

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static sb_mutex *make_mutex(sb_lock_rank rank)
{
    sb_mutex *mutex = NULL;

    assert_int_equal(sb_mutex_create(libc, rank, &mutex, NULL), SB_OK);
    return mutex;
}

/* ---- Mutex ------------------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 20000 };

typedef struct counting {
    sb_mutex *mutex;
    uint64_t count; /* guarded by mutex */
} counting;

static void count_up(void *ctx)
{
    counting *c = (counting *)ctx;
    unsigned i;

    for (i = 0; i < ROUNDS; i++) {
        if (i % 3 == 0) {
            while (!sb_mutex_lock_for(c->mutex, 1000000))
                continue;
        } else if (i % 3 == 1) {
            while (!sb_mutex_try_lock(c->mutex))
                continue;
        } else {
            sb_mutex_lock(c->mutex);
        }
        c->count++;
        sb_mutex_unlock(c->mutex);
    }
}

static void test_os_thread__mutex_excludes(void **state)
{
    counting c = {.mutex = make_mutex(SB_RANK_WRITER)};
    sb_thread *threads[THREADS];
    unsigned i;

    (void)state;
    for (i = 0; i < THREADS; i++)
        assert_int_equal(sb_thread_create(libc, count_up, &c, &threads[i], NULL), SB_OK);
    for (i = 0; i < THREADS; i++)
        sb_thread_join(threads[i]);
    assert_int_equal(c.count, THREADS * ROUNDS);
    sb_mutex_destroy(c.mutex);
    sb_mutex_destroy(NULL);
    sb_thread_join(NULL);
    sb_condition_destroy(NULL);
}

static void try_in_vain(void *ctx)
{
    sb_mutex *mutex = (sb_mutex *)ctx;
    const uint64_t start = now_ns();

    if (sb_mutex_try_lock(mutex)) abort();
    if (sb_mutex_lock_for(mutex, 0)) abort();
    if (sb_mutex_lock_for(mutex, 20000000)) abort();
    if (now_ns() - start < 20000000) abort();
}

static void test_os_thread__mutex_times_out(void **state)
{
    sb_mutex *mutex = make_mutex(SB_RANK_WRITER);
    sb_thread *thread = NULL;

    (void)state;
    sb_mutex_lock(mutex);
    assert_int_equal(sb_thread_create(libc, try_in_vain, mutex, &thread, NULL), SB_OK);
    sb_thread_join(thread);
    sb_mutex_unlock(mutex);
    assert_true(sb_mutex_lock_for(mutex, UINT64_MAX)); /* no overflow into the past */
    sb_mutex_unlock(mutex);
    sb_mutex_destroy(mutex);
}

/* ---- Ranks ------------------------------------------------------------------------------------------- */

/* Does run end the process by an assertion? */
static bool dies(void (*run)(void))
{
    const struct rlimit none = {0, 0};
    int status = 0;
    pid_t child;

    (void)fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        (void)freopen("/dev/null", "w", stderr);
        run();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void lock_both(sb_lock_rank first, sb_lock_rank second)
{
    sb_mutex *a = NULL;
    sb_mutex *b = NULL;

    if (sb_mutex_create(libc, first, &a, NULL) != SB_OK) return;
    if (sb_mutex_create(libc, second, &b, NULL) != SB_OK) return;
    sb_mutex_lock(a);
    sb_mutex_lock(b);
    sb_mutex_unlock(a); /* any order */
    sb_mutex_unlock(b);
    sb_mutex_lock(a);
    sb_mutex_unlock(a);
    sb_mutex_destroy(a);
    sb_mutex_destroy(b);
}

static void lock_rising(void)
{
    lock_both(SB_RANK_WRITER, SB_RANK_CACHE);
}

static void lock_falling(void)
{
    lock_both(SB_RANK_CACHE, SB_RANK_WRITER);
}

static void lock_equal(void)
{
    lock_both(SB_RANK_CACHE, SB_RANK_CACHE);
}

static void unlock_unheld(void)
{
    sb_mutex *a = NULL;

    if (sb_mutex_create(libc, SB_RANK_MAP, &a, NULL) == SB_OK) sb_mutex_unlock(a);
}

static void try_falling(void)
{
    sb_mutex *a = NULL;
    sb_mutex *b = NULL;

    if (sb_mutex_create(libc, SB_RANK_CACHE, &a, NULL) != SB_OK) return;
    if (sb_mutex_create(libc, SB_RANK_WRITER, &b, NULL) != SB_OK) return;
    sb_mutex_lock(a);
    if (!sb_mutex_try_lock(b)) _exit(1);
    sb_mutex_unlock(b);
    sb_mutex_unlock(a);
    sb_mutex_destroy(a);
    sb_mutex_destroy(b);
}

static void test_os_thread__ranks_only_rise(void **state)
{
    (void)state;
    assert_false(dies(lock_rising));
    assert_false(dies(try_falling)); /* it does not wait, so it closes no cycle */
#ifndef NDEBUG
    assert_true(dies(lock_falling));
    assert_true(dies(lock_equal));
    assert_true(dies(unlock_unheld));
#else
    (void)lock_falling;
    (void)lock_equal;
    (void)unlock_unheld;
#endif
}

/* ---- Condition --------------------------------------------------------------------------------------- */

typedef struct queue {
    sb_mutex *mutex;
    sb_condition *filled;
    unsigned items, taken; /* guarded by mutex */
    bool closed;           /* guarded by mutex */
} queue;

static void consume(void *ctx)
{
    queue *q = (queue *)ctx;

    sb_mutex_lock(q->mutex);
    for (;;) {
        while (q->items == 0 && !q->closed)
            sb_condition_wait(q->filled, q->mutex);
        if (q->items == 0) break;
        q->items--;
        q->taken++;
    }
    sb_mutex_unlock(q->mutex);
}

static void test_os_thread__condition_wakes(void **state)
{
    queue q = {.mutex = make_mutex(SB_RANK_QUEUE)};
    sb_thread *threads[THREADS];
    unsigned i;

    (void)state;
    assert_int_equal(sb_condition_create(libc, &q.filled, NULL), SB_OK);
    for (i = 0; i < THREADS; i++)
        assert_int_equal(sb_thread_create(libc, consume, &q, &threads[i], NULL), SB_OK);
    for (i = 0; i < 1000; i++) {
        sb_mutex_lock(q.mutex);
        q.items++;
        sb_condition_signal(q.filled);
        sb_mutex_unlock(q.mutex);
    }
    sb_mutex_lock(q.mutex);
    q.closed = true;
    sb_condition_broadcast(q.filled);
    sb_mutex_unlock(q.mutex);
    for (i = 0; i < THREADS; i++)
        sb_thread_join(threads[i]);
    assert_int_equal(q.taken, 1000);
    sb_condition_destroy(q.filled);
    sb_mutex_destroy(q.mutex);
}

static void test_os_thread__condition_times_out(void **state)
{
    sb_mutex *mutex = make_mutex(SB_RANK_QUEUE);
    sb_condition *condition = NULL;
    uint64_t start;

    (void)state;
    assert_int_equal(sb_condition_create(libc, &condition, NULL), SB_OK);
    sb_mutex_lock(mutex);
    start = now_ns();
    while (sb_condition_wait_for(condition, mutex, 20000000))
        continue; /* spurious wakes are allowed */
    assert_true(now_ns() - start >= 20000000);
    sb_mutex_unlock(mutex);
    sb_condition_destroy(condition);
    sb_mutex_destroy(mutex);
}

/* ---- Signals ----------------------------------------------------------------------------------------- */

static void read_mask(void *ctx)
{
    (void)pthread_sigmask(SIG_BLOCK, NULL, (sigset_t *)ctx);
}

static void test_os_thread__signals_are_blocked(void **state)
{
    sb_thread *thread = NULL;
    sigset_t before;
    sigset_t mask;
    sigset_t after;

    (void)state;
    (void)pthread_sigmask(SIG_BLOCK, NULL, &before);
    assert_int_equal(sb_thread_create(libc, read_mask, &mask, &thread, NULL), SB_OK);
    sb_thread_join(thread);
    (void)pthread_sigmask(SIG_BLOCK, NULL, &after);
    assert_int_equal(sigismember(&mask, SIGINT), 1);
    assert_int_equal(sigismember(&mask, SIGTERM), 1);
    assert_int_equal(sigismember(&mask, SIGUSR1), 1);
    assert_int_equal(sigismember(&mask, SIGSEGV), 0);
    assert_int_equal(sigismember(&after, SIGINT), sigismember(&before, SIGINT));
}

/* ---- One memory vfs, many threads -------------------------------------------------------------------- */

typedef struct sharing {
    sb_vfs *vfs;
    sb_file *file;
    _Atomic unsigned next;
} sharing;

/* Each thread writes and reads its own pages of one growing file, and opens and locks it again. */
static void use_vfs(void *ctx)
{
    sharing *s = (sharing *)ctx;
    const unsigned own = atomic_fetch_add(&s->next, 1);
    uint8_t page[4096];
    uint8_t got[4096];
    unsigned i;

    memset(page, (int)own + 1, sizeof page);
    for (i = 0; i < 400; i++) {
        const uint64_t offset = ((uint64_t)i * THREADS + own) * sizeof page;
        sb_file *other = NULL;
        void *map = NULL;
        bool taken = false;
        if (sb_file_write_all(s->file, offset, page, sizeof page, NULL) != SB_OK) abort();
        if (sb_vfs_open(s->vfs, "a", 0, &other, NULL) != SB_OK) abort();
        if (sb_file_read_all(other, offset, got, sizeof got, NULL) != SB_OK) abort();
        if (memcmp(page, got, sizeof page) != 0) abort();
        if (other->ops->map(other, 0, s->vfs->map_step_bytes, false, &map, NULL) != SB_OK) abort();
        if (other->ops->lock(other, own, 1, SB_LOCK_EXCLUSIVE, &taken, NULL) != SB_OK) abort();
        if (!taken) abort();
        other->ops->unmap(other, map, s->vfs->map_step_bytes);
        sb_file_close(other);
    }
}

static void share(sb_vfs *vfs)
{
    sharing s = {.vfs = vfs};
    sb_thread *threads[THREADS];
    unsigned i;

    assert_int_equal(sb_vfs_open(vfs, "a", SB_OPEN_CREATE, &s.file, NULL), SB_OK);
    for (i = 0; i < THREADS; i++)
        assert_int_equal(sb_thread_create(libc, use_vfs, &s, &threads[i], NULL), SB_OK);
    for (i = 0; i < THREADS; i++)
        sb_thread_join(threads[i]);
    sb_file_close(s.file);
    sb_vfs_destroy(vfs);
}

static void test_os_thread__shares_memory_files(void **state)
{
    sb_vfs *vfs = NULL;

    (void)state;
    assert_int_equal(sb_vfs_mem_create(libc, &vfs, NULL), SB_OK);
    share(vfs);
    assert_int_equal(sb_vfs_crash_create(libc, &vfs, NULL), SB_OK);
    share(vfs);
}

/* ---- Event ------------------------------------------------------------------------------------------- */

enum { RELAYS = 2000 };

typedef struct relay {
    sb_event there[RELAYS], back[RELAYS];
    uint64_t value; /* handed over by the events */
} relay;

static void answer(void *ctx)
{
    relay *r = (relay *)ctx;
    unsigned i;

    for (i = 0; i < RELAYS; i++) {
        sb_event_wait(&r->there[i]);
        r->value++;
        sb_event_set(&r->back[i]);
    }
}

static void test_os_thread__events_hand_over(void **state)
{
    static relay r;
    sb_thread *thread = NULL;
    unsigned i;

    (void)state;
    for (i = 0; i < RELAYS; i++) {
        sb_event_init(&r.there[i]);
        sb_event_init(&r.back[i]);
    }
    assert_int_equal(sb_thread_create(libc, answer, &r, &thread, NULL), SB_OK);
    for (i = 0; i < RELAYS; i++) {
        assert_int_equal(r.value, i);
        sb_event_set(&r.there[i]);
        if (i % 3 == 0) sb_os_spin_pause();
        sb_event_wait(&r.back[i]);
    }
    sb_event_wait(&r.back[0]); /* set long ago: returns at once */
    sb_thread_join(thread);
    assert_int_equal(r.value, RELAYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_os_thread__mutex_excludes),      TEST(test_os_thread__mutex_times_out),
        TEST(test_os_thread__ranks_only_rise),     TEST(test_os_thread__condition_wakes),
        TEST(test_os_thread__condition_times_out), TEST(test_os_thread__signals_are_blocked),
        TEST(test_os_thread__shares_memory_files), TEST(test_os_thread__events_hand_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
