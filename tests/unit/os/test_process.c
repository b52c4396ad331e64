/* Goal: what depends on the process: the fork guard, locks and maps across fork, facts of the machine.
 * Method: forked children that answer with their exit code, in a temporary directory. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/os.h"

typedef struct fixture {
    sb_vfs *vfs;
    char directory[32];
    char path[64];
} fixture;

static fixture shared;

static int setup(void **state)
{
    fixture *f = &shared;

    (void)strcpy(f->directory, "sombra-test-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    (void)strcat(strcpy(f->path, f->directory), "/a");
    assert_int_equal(sb_vfs_posix_create(&sb_allocator_libc, &f->vfs, NULL), SB_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = (fixture *)*state;

    sb_vfs_destroy(f->vfs);
    (void)unlink(f->path);
    assert_int_equal(rmdir(f->directory), 0);
    return 0;
}

static sb_file *open_file(fixture *f)
{
    sb_file *file = NULL;

    assert_int_equal(sb_vfs_open(f->vfs, f->path, SB_OPEN_CREATE, &file, NULL), SB_OK);
    return file;
}

static pid_t fork_child(void)
{
    pid_t child;

    (void)fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    return child;
}

/* The exit code of a child. */
static int wait_for(pid_t child)
{
    int status = 0;

    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool take(sb_file *file, uint64_t at)
{
    bool taken = false;

    return file->ops->lock(file, at, 1, SB_LOCK_EXCLUSIVE, &taken, NULL) == SB_OK && taken;
}

static bool held(sb_file *file, uint64_t at)
{
    bool is_held = false;

    return file->ops->lock_held(file, at, 1, &is_held, NULL) != SB_OK || is_held;
}

/* ---- Fork -------------------------------------------------------------------------------------------- */

static void test_os_process__fork_guard(void **state)
{
    sb_fork_guard *guard = NULL;
    pid_t child;

    (void)state;
    assert_int_equal(sb_fork_guard_create(&sb_allocator_libc, &guard, NULL), SB_OK);
    assert_true(sb_fork_guard_same_process(guard));
    child = fork_child();
    if (child == 0) _exit(sb_fork_guard_same_process(guard) ? 1 : 0);
    assert_int_equal(wait_for(child), 0);
    assert_true(sb_fork_guard_same_process(guard));
    sb_fork_guard_destroy(guard);
    sb_fork_guard_destroy(NULL);
}

static void test_os_process__locks_between_processes(void **state)
{
    fixture *f = (fixture *)*state;
    sb_file *file = open_file(f);
    pid_t child;

    assert_true(take(file, 5));
    child = fork_child();
    if (child == 0) { /* an open of its own is somebody else */
        sb_file *own = NULL;
        if (sb_vfs_open(f->vfs, f->path, 0, &own, NULL) != SB_OK) _exit(1);
        if (take(own, 5) || !held(own, 5)) _exit(2);
        if (!take(own, 6)) _exit(3);
        _exit(held(own, 6) ? 4 : 0); /* dies with its lock */
    }
    assert_int_equal(wait_for(child), 0);
    assert_true(take(file, 6));
    sb_file_close(file);
}

/* A child that closes what it inherited drops no lock of its parent. */
static void test_os_process__close_in_a_child_keeps_locks(void **state)
{
    fixture *f = (fixture *)*state;
    sb_file *file = open_file(f);
    sb_file *other = open_file(f);
    pid_t child;

    assert_true(take(file, 5));
    child = fork_child();
    if (child == 0) {
        sb_file_close(file);
        _exit(0);
    }
    assert_int_equal(wait_for(child), 0);
    assert_true(held(other, 5));
    sb_file_close(file);
    assert_false(held(other, 5));
    sb_file_close(other);
}

/* A child that only lives on, with its copy of the descriptor, keeps no lock of its parent's. */
static void test_os_process__close_drops_locks_a_child_shares(void **state)
{
    fixture *f = (fixture *)*state;
    sb_file *file = open_file(f);
    sb_file *other = open_file(f);
    int gate[2];
    pid_t child;
    char byte;

    assert_int_equal(pipe(gate), 0);
    assert_true(take(file, 5));
    child = fork_child();
    if (child == 0) {
        (void)close(gate[1]);
        _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1); /* until the parent closes its end */
    }
    (void)close(gate[0]);
    sb_file_close(file);
    assert_false(held(other, 5));
    (void)close(gate[1]);
    assert_int_equal(wait_for(child), 0);
    sb_file_close(other);
}

static void test_os_process__maps_are_shared_between_processes(void **state)
{
    fixture *f = (fixture *)*state;
    const size_t step = f->vfs->map_step_bytes;
    sb_file *file = open_file(f);
    void *address;
    char *map;
    pid_t child;

    assert_int_equal(file->ops->truncate(file, 4096, NULL), SB_OK);
    assert_int_equal(file->ops->map(file, 0, step, false, &address, NULL), SB_OK);
    map = (char *)address;
    child = fork_child();
    if (child == 0) {
        sb_file *own = NULL;
        void *writable = NULL;
        if (sb_vfs_open(f->vfs, f->path, 0, &own, NULL) != SB_OK) _exit(1);
        if (own->ops->map(own, 0, step, true, &writable, NULL) != SB_OK) _exit(2);
        ((char *)writable)[7] = 'm';
        if (sb_file_write_all(own, 8, "w", 1, NULL) != SB_OK) _exit(3);
        _exit(0);
    }
    assert_int_equal(wait_for(child), 0);
    assert_memory_equal(map + 6, "\0mw\0", 4);
    file->ops->unmap(file, map, step);
    sb_file_close(file);
}

/* ---- Machine ----------------------------------------------------------------------------------------- */

static void test_os_process__machine(void **state)
{
    char name[32];
    char tiny[4];

    (void)state;
    assert_true(sb_os_memory_bytes() >= 16u << 20);
    assert_true(sb_os_cpu_count() >= 1 && sb_os_cpu_count() < 100000);
    assert_int_equal(sb_os_process_id(), (uint64_t)getpid());
    const uint64_t tag = sb_os_process_tag();
    assert_int_equal(sb_os_process_of_tag(tag), sb_os_process_id());
    assert_int_equal(sb_os_process_of_tag(tag ^ 1ull << 40), 0); /* another namespace */
    assert_int_equal(sb_os_process_of_tag(0), 0);
    sb_os_process_name(sb_os_process_id(), name, sizeof name);
    assert_memory_equal(name, "t", 1); /* test_… */
    assert_null(strchr(name, '?'));    /* nor the newline of /proc */
    sb_os_process_name(sb_os_process_id(), tiny, sizeof tiny);
    assert_memory_equal(tiny, name, 3);
    assert_int_equal(tiny[3], '\0');
    sb_os_process_name(UINT64_MAX, name, sizeof name);
    assert_string_equal(name, "?");
    sb_os_process_name(1, name, 0);
    assert_int_equal(setenv("SOMBRA_TEST_OS", "yes", 1), 0);
    assert_string_equal(sb_os_environment("SOMBRA_TEST_OS"), "yes");
    assert_null(sb_os_environment("SOMBRA_TEST_OS_ABSENT"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_os_process__fork_guard),
        cmocka_unit_test_setup_teardown(test_os_process__locks_between_processes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_os_process__close_in_a_child_keeps_locks, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_os_process__close_drops_locks_a_child_shares, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_os_process__maps_are_shared_between_processes, setup,
                                        teardown),
        TEST(test_os_process__machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
