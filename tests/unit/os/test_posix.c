/* Goal: every transfer of the posix file system is continued when it is short or interrupted.
 * Method: this program defines pread, pwritev, fdatasync and ftruncate itself, in place of the C library's:
 * they move a few bytes at a time and are interrupted every now and then. Its fsync tells whether directories are synced. */
#include "support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os/os.h"

static size_t most_bytes = SIZE_MAX; /* moved by one call */
static unsigned interrupt_every;     /* calls; 0: never */
static int fail_with;                /* errno of the next call; 0: none */
static unsigned calls;
static unsigned directories; /* synced */

/* Does this call fail? errno is set. */
static int disturbed(void)
{
    if (fail_with != 0) {
        errno = fail_with;
        return 1;
    }
    calls++;
    if (interrupt_every == 0 || calls % interrupt_every != 0) return 0;
    errno = EINTR;
    return 1;
}

ssize_t pread(int fd, void *data, size_t bytes, off_t offset)
{
    if (disturbed()) return -1;
    return syscall(SYS_pread64, fd, data, bytes < most_bytes ? bytes : most_bytes, offset);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
    size_t left = most_bytes;
    ssize_t done = 0;
    int i;

    if (disturbed()) return -1;
    for (i = 0; i < count && left > 0; i++) {
        const size_t step = pieces[i].iov_len < left ? pieces[i].iov_len : left;
        const long wrote = syscall(SYS_pwrite64, fd, pieces[i].iov_base, step, offset + done);
        if (wrote < 0) return -1;
        done += wrote;
        left -= (size_t)wrote;
    }
    return done;
}

int fdatasync(int fd)
{
    return disturbed() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    struct stat found;

    if (disturbed()) return -1;
    if (fstat(fd, &found) == 0 && S_ISDIR(found.st_mode)) directories++;
    return (int)syscall(SYS_fsync, fd);
}

int ftruncate(int fd, off_t bytes)
{
    return disturbed() ? -1 : (int)syscall(SYS_ftruncate, fd, bytes);
}

static sb_vfs *vfs;
static sb_file *file;

static int setup(void **state)
{
    (void)state;
    most_bytes = SIZE_MAX;
    interrupt_every = 0;
    fail_with = 0;
    assert_int_equal(sb_vfs_posix_create(&sb_allocator_libc, &vfs, NULL), SB_OK);
    assert_int_equal(vfs->ops->open_temporary(vfs, ".", &file, NULL), SB_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sb_file_close(file);
    sb_vfs_destroy(vfs);
    return 0;
}

static void test_os_posix__continues_short_transfers(void **state)
{
    enum { PIECES = 600, BYTES = 5000 };
    sb_random random = test_random(99);
    sb_io_piece pieces[PIECES];
    uint8_t data[BYTES];
    uint8_t got[BYTES];
    size_t round;
    size_t i;

    (void)state;
    for (i = 0; i < BYTES; i++)
        data[i] = (uint8_t)sb_random_next(&random);
    for (round = 1; round < 40; round++) {
        size_t total = 0;
        for (i = 0; i < PIECES; i++) {
            pieces[i].data = data + total;
            pieces[i].bytes = (size_t)sb_random_below(&random, 9);
            total += pieces[i].bytes;
        }
        most_bytes = round;
        interrupt_every = 2 + (unsigned)sb_random_below(&random, 5);
        calls = 0;
        assert_int_equal(file->ops->truncate(file, 0, NULL), SB_OK);
        assert_int_equal(file->ops->write(file, 10, pieces, PIECES, NULL), SB_OK);
        assert_true(calls > total / round);
        assert_int_equal(file->ops->sync(file, NULL), SB_OK);
        memset(got, 0, sizeof got);
        assert_int_equal(sb_file_read_all(file, 10, got, total, NULL), SB_OK);
        assert_memory_equal(got, data, total);
    }
}

static void test_os_posix__tells_causes_apart(void **state)
{
    static const struct {
        int cause;
        sb_status status;
    } table[] = {
        {EIO, SB_IO}, {ENOSPC, SB_FULL}, {EDQUOT, SB_FULL}, {EFBIG, SB_FULL}, {ENOMEM, SB_NOMEM}};
    uint8_t byte = 0;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof table / sizeof table[0]; i++) {
        sb_err err;
        size_t got;
        sb_err_clear(&err);
        fail_with = table[i].cause;
        assert_int_equal(sb_file_write_all(file, 0, &byte, 1, &err), table[i].status);
        assert_int_equal(err.code, table[i].status);
        assert_int_equal(err.os_error, table[i].cause);
        assert_int_equal(file->ops->read(file, 0, &byte, 1, &got, NULL), table[i].status);
        assert_int_equal(file->ops->sync(file, NULL), table[i].status);
        assert_int_equal(file->ops->truncate(file, 1, NULL), table[i].status);
        fail_with = 0;
        assert_int_equal(sb_file_write_all(file, 0, &byte, 1, NULL), SB_OK); /* still usable */
    }
}

/* A write that makes no progress and tells no cause must not be tried forever. */
static void test_os_posix__gives_up_without_progress(void **state)
{
    (void)state;
    most_bytes = 0;
    assert_int_equal(sb_file_write_all(file, 0, "x", 1, NULL), SB_FULL);
}

/* A name is durable when its directory has been synced: once, though it is interrupted, and what goes wrong is told. */
static void test_os_posix__syncs_directories(void **state)
{
    (void)state;
    directories = 0;
    calls = 0;
    interrupt_every = 2;
    for (unsigned round = 1; round <= 3; round++) {
        assert_int_equal(vfs->ops->sync_directory(vfs, "./any", NULL), SB_OK);
        assert_int_equal(directories, round);
    }
    fail_with = EIO;
    assert_int_equal(vfs->ops->sync_directory(vfs, "./any", NULL), SB_IO);
    fail_with = EINVAL; /* a file system without them */
    assert_int_equal(vfs->ops->sync_directory(vfs, "./any", NULL), SB_OK);
    fail_with = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_os_posix__continues_short_transfers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_os_posix__tells_causes_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_os_posix__gives_up_without_progress, setup, teardown),
        cmocka_unit_test_setup_teardown(test_os_posix__syncs_directories, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
