/* os_thread.c — mutexes that know their rank, conditions on the monotonic clock, threads without signals.
 *
 * Debug builds keep, for each thread, how many mutexes of each rank it holds, and assert on a blocking
 * lock that none of the same or a higher rank is among them: two threads that only ever take locks
 * in rising rank can not wait for each other. A lock that does not wait (try_lock) can not close a
 * cycle, so it is recorded but not checked. */
#define _GNU_SOURCE 1 /* pthread_mutex_clocklock */

#include "os/os_priv.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct sb_mutex {
    const sb_allocator *alloc; /* borrowed */
    pthread_mutex_t handle;
    sb_lock_rank rank;
};

struct sb_condition {
    const sb_allocator *alloc; /* borrowed */
    pthread_cond_t handle;
};

struct sb_thread {
    const sb_allocator *alloc; /* borrowed */
    pthread_t handle;
    void (*run)(void *ctx);
    void *ctx;
};

/* ---- Ranks ------------------------------------------------------------------------------------- */

#ifdef NDEBUG
#define check_rank(rank)    ((void)(rank))
#define note_locked(rank)   ((void)(rank))
#define note_unlocked(rank) ((void)(rank))
#else
/* Mutexes of each rank that this thread holds. */
static SB_THREAD_LOCAL uint16_t held_count[SB_LOCK_RANKS];

static void check_rank(sb_lock_rank rank)
{
    unsigned other;

    for (other = (unsigned)rank; other < SB_LOCK_RANKS; other++)
        SB_ASSERT(held_count[other] == 0);
}

static void note_locked(sb_lock_rank rank)
{
    held_count[rank]++;
}

static void note_unlocked(sb_lock_rank rank)
{
    SB_ASSERT(held_count[rank] > 0); /* unlocked by a thread that does not hold it */
    held_count[rank]--;
}
#endif

/* ---- Mutex ------------------------------------------------------------------------------------- */

/* timeout_ns after now_ns; far enough ahead when that overflows. */
static struct timespec deadline_after(uint64_t now_ns, uint64_t timeout_ns)
{
    const uint64_t limit_ns = 1ull << 62; /* 146 years */
    const uint64_t at = timeout_ns > limit_ns - now_ns ? limit_ns : now_ns + timeout_ns;

    return (struct timespec){.tv_sec = (time_t)(at / 1000000000ull),
                             .tv_nsec = (long)(at % 1000000000ull)};
}

sb_status sb_mutex_create(const sb_allocator *alloc, sb_lock_rank rank, sb_mutex **mutex,
                          sb_err *err)
{
    sb_mutex *made;
    int cause;

    *mutex = NULL;
    SB_ASSERT((unsigned)rank < SB_LOCK_RANKS);
    made = (sb_mutex *)sb_alloc_zero(alloc, sizeof *made);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->alloc = alloc;
    made->rank = rank;
    cause = pthread_mutex_init(&made->handle, NULL);
    if (cause != 0) {
        sb_free(alloc, made, sizeof *made);
        return SB_FAIL_OS(err, SB_NOMEM, cause, "the system can not make another mutex");
    }
    *mutex = made;
    return SB_OK;
}

void sb_mutex_destroy(sb_mutex *mutex)
{
    if (mutex == NULL) return;
    (void)pthread_mutex_destroy(&mutex->handle);
    sb_free(mutex->alloc, mutex, sizeof *mutex);
}

void sb_mutex_lock(sb_mutex *mutex)
{
    int result;

    check_rank(mutex->rank);
    result = pthread_mutex_lock(&mutex->handle);
    SB_ASSERT(result == 0);
    note_locked(mutex->rank);
}

bool sb_mutex_try_lock(sb_mutex *mutex)
{
    if (pthread_mutex_trylock(&mutex->handle) != 0) return false;
    note_locked(mutex->rank);
    return true;
}

/* The thread sanitizers of gcc 12 and clang 14 do not know pthread_mutex_clocklock and would report
 * every access under such a lock; they do know the call that waits on the wall clock. */
#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif

#ifdef THREAD_SANITIZER
static int lock_until(pthread_mutex_t *handle, uint64_t timeout_ns)
{
    const struct timespec deadline = deadline_after(sb_os__wall_ns(), timeout_ns);

    return pthread_mutex_timedlock(handle, &deadline);
}
#else
static int lock_until(pthread_mutex_t *handle, uint64_t timeout_ns)
{
    const struct timespec deadline = deadline_after(sb_os__monotonic_ns(), timeout_ns);

    return pthread_mutex_clocklock(handle, CLOCK_MONOTONIC, &deadline);
}
#endif

bool sb_mutex_lock_for(sb_mutex *mutex, uint64_t timeout_ns)
{
    int result;

    check_rank(mutex->rank);
    if (pthread_mutex_trylock(&mutex->handle) != 0) { /* spare the clock when it is free */
        result = lock_until(&mutex->handle, timeout_ns);
        SB_ASSERT(result == 0 || result == ETIMEDOUT);
        if (result != 0) return false;
    }
    note_locked(mutex->rank);
    return true;
}

void sb_mutex_unlock(sb_mutex *mutex)
{
    int result;

    note_unlocked(mutex->rank);
    result = pthread_mutex_unlock(&mutex->handle);
    SB_ASSERT(result == 0);
}

/* ---- Condition --------------------------------------------------------------------------------- */

sb_status sb_condition_create(const sb_allocator *alloc, sb_condition **condition, sb_err *err)
{
    sb_condition *made;
    pthread_condattr_t attributes;
    int cause;

    *condition = NULL;
    made = (sb_condition *)sb_alloc_zero(alloc, sizeof *made);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->alloc = alloc;
    cause = pthread_condattr_init(&attributes);
    if (cause == 0) {
        cause = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        if (cause == 0) cause = pthread_cond_init(&made->handle, &attributes);
        (void)pthread_condattr_destroy(&attributes);
    }
    if (cause != 0) {
        sb_free(alloc, made, sizeof *made);
        return SB_FAIL_OS(err, SB_NOMEM, cause, "the system can not make another condition");
    }
    *condition = made;
    return SB_OK;
}

void sb_condition_destroy(sb_condition *condition)
{
    if (condition == NULL) return;
    (void)pthread_cond_destroy(&condition->handle);
    sb_free(condition->alloc, condition, sizeof *condition);
}

void sb_condition_wait(sb_condition *condition, sb_mutex *mutex)
{
    int result;

    note_unlocked(mutex->rank);
    check_rank(mutex->rank); /* it is taken anew on waking */
    result = pthread_cond_wait(&condition->handle, &mutex->handle);
    SB_ASSERT(result == 0);
    note_locked(mutex->rank);
}

bool sb_condition_wait_for(sb_condition *condition, sb_mutex *mutex, uint64_t timeout_ns)
{
    const struct timespec deadline = deadline_after(sb_os__monotonic_ns(), timeout_ns);
    int result;

    note_unlocked(mutex->rank);
    check_rank(mutex->rank);
    result = pthread_cond_timedwait(&condition->handle, &mutex->handle, &deadline);
    SB_ASSERT(result == 0 || result == ETIMEDOUT);
    note_locked(mutex->rank);
    return result == 0;
}

void sb_condition_signal(sb_condition *condition)
{
    (void)pthread_cond_signal(&condition->handle);
}

void sb_condition_broadcast(sb_condition *condition)
{
    (void)pthread_cond_broadcast(&condition->handle);
}

/* ---- Event ------------------------------------------------------------------------------------- */

enum { EVENT_UNSET, EVENT_AWAITED, EVENT_SET };

/* Its result does not matter: callers look at the word again. */
static void call_futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
    (void)syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

void sb_event_init(sb_event *event)
{
    atomic_init(&event->word, EVENT_UNSET);
}

void sb_event_set(sb_event *event)
{
    /* Once it reads set, the waiter may have gone and its stack be in use for other things: the call below then wakes
     * nobody, or somebody who looks again. */
    if (atomic_exchange_explicit(&event->word, EVENT_SET, memory_order_release) == EVENT_AWAITED)
        call_futex(&event->word, FUTEX_WAKE, 1);
}

void sb_event_wait(sb_event *event)
{
    uint32_t before = EVENT_UNSET;

    (void)atomic_compare_exchange_strong_explicit(&event->word, &before, EVENT_AWAITED,
                                                  memory_order_relaxed, memory_order_relaxed);
    /* Acquire: pairs with the release in set. */
    while (atomic_load_explicit(&event->word, memory_order_acquire) != EVENT_SET)
        call_futex(&event->word, FUTEX_WAIT, EVENT_AWAITED);
}

void sb_os_spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ---- Thread ------------------------------------------------------------------------------------ */

/* Raised by the thread itself; blocked, they would end the process past its own handlers. */
static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};

static void *enter_thread(void *argument)
{
    sb_thread *thread = (sb_thread *)argument;

    thread->run(thread->ctx);
    return NULL;
}

size_t sb_os_stack_left(void)
{
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    pthread_attr_t attributes;
    void *lowest = NULL;
    size_t bytes = 0;

    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return SIZE_MAX;
    const int cause = pthread_attr_getstack(&attributes, &lowest, &bytes);
    (void)pthread_attr_destroy(&attributes);
    const uintptr_t end = (uintptr_t)lowest;
    if (cause != 0 || here < end || here - end > bytes) return SIZE_MAX;
    return here - end;
}

/* Whatever the limit of stacks: a few threads, and only what is used takes memory. */
#define STACK_BYTES_MIN ((size_t)1 << 20)

static int start_thread(sb_thread *thread)
{
    pthread_attr_t attributes;
    size_t bytes = 0;
    int cause = pthread_attr_init(&attributes);

    if (cause != 0) return cause;
    if (pthread_attr_getstacksize(&attributes, &bytes) == 0 && bytes < STACK_BYTES_MIN)
        cause = pthread_attr_setstacksize(&attributes, STACK_BYTES_MIN);
    if (cause == 0) cause = pthread_create(&thread->handle, &attributes, enter_thread, thread);
    (void)pthread_attr_destroy(&attributes);
    return cause;
}

sb_status sb_thread_create(const sb_allocator *alloc, void (*run)(void *ctx), void *ctx,
                           sb_thread **thread, sb_err *err)
{
    sb_thread *made;
    sigset_t all;
    sigset_t before;
    size_t i;
    int cause;

    *thread = NULL;
    made = (sb_thread *)sb_alloc_zero(alloc, sizeof *made);
    if (made == NULL) return SB_FAIL_NOMEM(err);
    made->alloc = alloc;
    made->run = run;
    made->ctx = ctx;
    /* The new thread inherits the mask: the application's handlers never run on our threads. */
    (void)sigfillset(&all);
    for (i = 0; i < sizeof faults / sizeof faults[0]; i++)
        (void)sigdelset(&all, faults[i]);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    cause = start_thread(made);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (cause != 0) {
        sb_free(alloc, made, sizeof *made);
        return SB_FAIL_OS(err, SB_NOMEM, cause, "the system can not start another thread");
    }
    *thread = made;
    return SB_OK;
}

void sb_thread_join(sb_thread *thread)
{
    if (thread == NULL) return;
    (void)pthread_join(thread->handle, NULL);
    sb_free(thread->alloc, thread, sizeof *thread);
}
