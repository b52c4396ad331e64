/* test_close.c — handles of one file that close at the same moment: one of them is the last user, who leaves one file
 * (DESIGN §9 rule 14, pager I25). */
#include "pager_fixture.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pager/pager_priv.h"

static bool is_one_file(sb_vfs *vfs)
{
    bool wal = true, shm = true;
    assert_int_equal(vfs->ops->exists(vfs, "t-wal", &wal, NULL), SB_OK);
    assert_int_equal(vfs->ops->exists(vfs, "t-shm", &shm, NULL), SB_OK);
    return !wal && !shm;
}

/* ---- Two of one process, step by step -------------------------------------------------------- */

/* The first to close stops twice: when it has its answer, until the second has asked for one or for its turn; and when it has
 * handed on the turn, until the second has its answer. */
typedef struct meeting {
    const sb_file_ops *plain;
    sb_file_ops ops;
    sb_file *first, *second;
    sb_pager *second_pager;
    sb_thread *thread;
    bool has_come, has_asked;
    sb_event came, asked;
} meeting;
static meeting met;

static void close_second(void *ctx)
{
    (void)ctx;
    assert_int_equal(sb_pager_close(met.second_pager, NULL), SB_OK);
}

static void first_has(uint64_t byte, sb_lock_kind kind)
{
    if (byte == SB_LOCK_OPEN && kind == SB_LOCK_EXCLUSIVE) {
        assert_int_equal(
            sb_thread_create(&sb_allocator_libc, close_second, NULL, &met.thread, NULL), SB_OK);
        sb_event_wait(&met.came);
    } else if (byte == SB_LOCK_CLOSING && kind == SB_LOCK_NONE) {
        sb_event_wait(&met.asked);
    }
}

static void second_has(uint64_t byte, sb_lock_kind kind)
{
    if (kind != SB_LOCK_EXCLUSIVE) return;
    if (!met.has_come) sb_event_set(&met.came);
    met.has_come = true;
    if (byte != SB_LOCK_OPEN) return;
    if (!met.has_asked) sb_event_set(&met.asked);
    met.has_asked = true;
}

static sb_status meet(sb_file *file, uint64_t start, uint64_t bytes, sb_lock_kind kind, bool *taken,
                      sb_err *err)
{
    SB_TRY(met.plain->lock(file, start, bytes, kind, taken, err));
    if (file == met.first)
        first_has(start, kind);
    else if (file == met.second)
        second_has(start, kind);
    return SB_OK;
}

/* Two handles of one file in memory, whose file system the caller destroys. */
static sb_vfs *open_two(fixture *a, fixture *b)
{
    sb_vfs *vfs = fixture_memory();

    vfs->shared = true;
    fixture_options(a, vfs);
    fixture_options(b, vfs);
    fixture_open(a, "t");
    fixture_open(b, "t");
    return vfs;
}

static void test_close__two_take_turns(void **state)
{
    (void)state;
    fixture f, other;
    memset(&met, 0, sizeof met);
    sb_event_init(&met.came);
    sb_event_init(&met.asked);
    sb_vfs *vfs = open_two(&f, &other);
    CHECK(&f, fixture_put(&f, f.session, 1, 3, 1));
    sb_session_close(f.session);
    sb_session_close(other.session);
    met.first = f.pager->main_file;
    met.second = other.pager->main_file;
    met.second_pager = other.pager;
    met.plain = met.first->ops;
    met.ops = *met.plain;
    met.ops.lock = meet;
    met.first->ops = met.second->ops = &met.ops;
    CHECK(&f, sb_pager_close(f.pager, &f.err));
    sb_thread_join(met.thread);
    assert_true(met.has_asked);
    assert_true(is_one_file(vfs));
    sb_vfs_destroy(vfs);
}

/* Who is not the last leaves all as it is to the others, and its going is no failure. */
static void test_close__others_go_on(void **state)
{
    (void)state;
    fixture f, other;
    sb_vfs *vfs = open_two(&f, &other);
    CHECK(&f, fixture_put(&f, f.session, 1, 3, 1));
    fixture_close(&f);
    assert_false(is_one_file(vfs));
    assert_true(fixture_reads(&other, other.session, 1, 3, 1));
    CHECK(&other, fixture_put(&other, other.session, 1, 3, 2));
    fixture_open(&f, "t"); /* a new one meanwhile */
    fixture_close(&other);
    assert_false(is_one_file(vfs));
    assert_true(fixture_reads(&f, f.session, 1, 3, 2));
    fixture_close(&f);
    assert_true(is_one_file(vfs));
    sb_vfs_destroy(vfs);
}

/* One that was stopped, or whose child after fork lives on, does not keep the others from closing: they do not wait for it forever. */
static void test_close__a_stopped_one_holds_up_nobody(void **state)
{
    (void)state;
    fixture f, other;
    bool taken = false;
    sb_vfs *vfs = open_two(&f, &other);
    sb_file *file = other.pager->main_file;
    CHECK(&f, file->ops->lock(file, SB_LOCK_CLOSING, 1, SB_LOCK_EXCLUSIVE, &taken, &f.err));
    assert_true(taken);
    fixture_close(&f);
    fixture_close(&other);
    assert_true(is_one_file(vfs));
    sb_vfs_destroy(vfs);
}

/* ---- Processes --------------------------------------------------------------------------------- */

typedef struct board { /* in memory shared by all */
    _Atomic unsigned arrived, failures, left;
} board;

/* All of them have come as often as this one. */
static void meet_all(board *b, unsigned processes, unsigned *round)
{
    const unsigned wanted = ++*round * processes;
    atomic_fetch_add(&b->arrived, 1);
    while (atomic_load(&b->arrived) < wanted && atomic_load(&b->failures) == 0)
        (void)sched_yield();
}

static void close_rounds(board *b, unsigned number, unsigned processes, unsigned rounds)
{
    fixture f;
    unsigned meetings = 0;
    sb_vfs *vfs = NULL;
    if (sb_vfs_posix_create(&sb_allocator_libc, &vfs, NULL) != SB_OK) _exit(3);
    fixture_options(&f, vfs);
    f.options.durability = SB_DURABLE_OFF;
    f.options.busy_timeout_ns = 20000000000u;
    for (unsigned i = 0; i < rounds && atomic_load(&b->failures) == 0; i++) {
        sb_status st = sb_pager_open("t", &f.options, &f.pager, &f.err);
        if (st == SB_OK) st = sb_session_open(f.pager, &f.session, &f.err);
        if (st == SB_OK && number < 2) st = fixture_put(&f, f.session, 1, 3, i);
        sb_session_close(f.session);
        meet_all(b, processes, &meetings);
        if (st == SB_OK) st = sb_pager_close(f.pager, &f.err);
        if (st != SB_OK) {
            printf("process %u: %s\n", number, f.err.text);
            atomic_fetch_add(&b->failures, 1);
        }
        meet_all(b, processes, &meetings);
        if (number == 0 && (access("t-wal", F_OK) == 0 || access("t-shm", F_OK) == 0))
            atomic_fetch_add(&b->left, 1);
        meet_all(b, processes, &meetings);
    }
    sb_vfs_destroy(vfs);
    (void)fflush(stdout);
    _exit(0);
}

static void run_processes(unsigned processes, unsigned rounds)
{
    void *shared =
        mmap(NULL, sizeof(board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    board *b = shared;
    (void)unlink("t");
    (void)unlink("t-wal");
    (void)unlink("t-shm");
    for (unsigned i = 0; i < processes; i++) {
        const pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) close_rounds(b, i, processes, rounds);
    }
    for (unsigned i = 0; i < processes; i++) {
        int status = 0;
        (void)wait(&status);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) atomic_fetch_add(&b->failures, 1);
    }
    printf("%u processes closed %u times, %u times a WAL stayed\n", processes, rounds, b->left);
    assert_int_equal(b->failures, 0);
    assert_int_equal(b->left, 0);
    assert_int_equal(munmap(shared, sizeof(board)), 0);
}

static void test_close__two_processes(void **state)
{
    (void)state;
    run_processes(2, 300);
}

static void test_close__six_processes(void **state)
{
    (void)state;
    run_processes(6, 100);
}

static void count_warning(void *ctx, sb_log_level level, const char *message)
{
    if (level == SB_LOG_WARNING && strstr(message, " stays: ") != NULL) ++*(unsigned *)ctx;
}

/* What can not be removed, since the directory may not be written, stays, and does no harm. */
static void test_close__what_stays(void **state)
{
    (void)state;
    fixture f;
    sb_vfs *faulty = NULL;
    unsigned warnings = 0;
    fixture_options(&f, fixture_memory());
    assert_int_equal(sb_vfs_fault_create(&sb_allocator_libc, f.vfs, &faulty, NULL), SB_OK);
    sb_vfs_fault *fault = sb_vfs_fault_state(faulty);
    fault->kinds = SB_IO_REMOVE;
    fault->status = SB_IO;
    fault->persistent = true;
    f.options.vfs = faulty;
    f.options.log = count_warning;
    f.options.log_ctx = &warnings;
    fixture_open(&f, "t");
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
    fault->fail_at = fault->calls + 1;
    fixture_close(&f);
    assert_int_equal(warnings, 2);
    fault->fail_at = 0;
    fixture_open(&f, "t");
    assert_true(fixture_reads(&f, f.session, 1, 5, 100));
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 101));
    fixture_close(&f);
    assert_true(is_one_file(f.vfs));
    fixture_open(&f, "t");
    assert_true(fixture_reads(&f, f.session, 1, 5, 101));
    fixture_close(&f);
    sb_vfs_destroy(faulty);
    sb_vfs_destroy(f.vfs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_close__two_take_turns),
        TEST(test_close__others_go_on),
        TEST(test_close__a_stopped_one_holds_up_nobody),
        TEST(test_close__two_processes),
        TEST(test_close__six_processes),
        TEST(test_close__what_stays),
    };
    return cmocka_run_group_tests_name("pager_close", tests, NULL, NULL);
}
