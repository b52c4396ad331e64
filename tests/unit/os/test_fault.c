/* Goal: the faulty file system fails exactly the calls that it was told to, and no others.
 * Method: count, fail and flip calls of each kind over a memory file system. */
#include "support/unit.h"

#include <errno.h>

#include "os/os.h"

typedef struct fixture {
    sb_counting_allocator alloc;
    sb_vfs *inner, *vfs;
    sb_vfs_fault *state;
    sb_file *file;
} fixture;

static fixture shared;

static int setup(void **state)
{
    fixture *f = &shared;

    *f = (fixture){.file = NULL};
    sb_counting_allocator_init(&f->alloc, &sb_allocator_libc);
    assert_int_equal(sb_vfs_mem_create(&f->alloc.base, &f->inner, NULL), SB_OK);
    assert_int_equal(sb_vfs_fault_create(&f->alloc.base, f->inner, &f->vfs, NULL), SB_OK);
    f->state = sb_vfs_fault_state(f->vfs);
    assert_int_equal(sb_vfs_open(f->vfs, "a", SB_OPEN_CREATE, &f->file, NULL), SB_OK);
    assert_int_equal(sb_file_write_all(f->file, 0, "0123456789", 10, NULL), SB_OK);
    assert_int_equal(f->state->calls, 2);
    f->state->calls = 0;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = (fixture *)*state;

    sb_file_close(f->file);
    sb_vfs_destroy(f->vfs);
    sb_vfs_destroy(f->inner);
    assert_int_equal(f->alloc.live_bytes, 0);
    return 0;
}

/* It fails, but not with the fault's status. */
static sb_status rename_to_taken(sb_vfs *vfs)
{
    const sb_status st = vfs->ops->rename(vfs, "a", "a", NULL);

    return st == SB_EXISTS ? SB_OK : st;
}

/* One call of each function that can fail; returns how many failed. */
static unsigned call_all(fixture *f, sb_status expected)
{
    sb_file *file = f->file;
    sb_vfs *vfs = f->vfs;
    sb_file *opened = NULL;
    sb_file *temporary = NULL;
    sb_file_info info;
    void *address = NULL;
    uint8_t byte;
    size_t got;
    bool flag;
    unsigned failed = 0;
    size_t i;
    char *resolved = NULL;
    size_t resolved_bytes = 0;
    const sb_status results[] = {
        file->ops->read(file, 0, &byte, 1, &got, NULL),
        sb_file_write_all(file, 0, "0", 1, NULL),
        file->ops->sync(file, NULL),
        file->ops->truncate(file, 10, NULL),
        file->ops->info(file, &info, NULL),
        file->ops->map(file, 0, vfs->map_step_bytes, false, &address, NULL),
        file->ops->lock(file, 0, 1, SB_LOCK_SHARED, &flag, NULL),
        file->ops->lock_held(file, 0, 1, &flag, NULL),
        sb_vfs_open(vfs, "a", 0, &opened, NULL),
        vfs->ops->open_temporary(vfs, NULL, &temporary, NULL),
        vfs->ops->remove(vfs, "absent", &flag, NULL),
        rename_to_taken(vfs),
        vfs->ops->exists(vfs, "a", &flag, NULL),
        vfs->ops->directory_writable(vfs, "a", &flag, NULL),
        sb_vfs_resolve(vfs, &sb_allocator_libc, "a", &resolved, &resolved_bytes, NULL),
        vfs->ops->sync_directory(vfs, "a", NULL),
        vfs->ops->random(vfs, &byte, 1, NULL),
    };

    for (i = 0; i < sizeof results / sizeof results[0]; i++) {
        if (results[i] != SB_OK) assert_int_equal(results[i], expected);
        failed += results[i] != SB_OK;
    }
    if (address != NULL) file->ops->unmap(file, address, vfs->map_step_bytes);
    assert_int_equal(file->ops->lock(file, 0, 1, SB_LOCK_NONE, &flag, NULL), SB_OK);
    assert_true(flag);
    sb_free(&sb_allocator_libc, resolved, resolved_bytes);
    sb_file_close(opened);
    sb_file_close(temporary);
    return failed;
}

#define CALLS 17u /* of call_all */

static void test_os_fault__counts_all_kinds(void **state)
{
    fixture *f = (fixture *)*state;
    unsigned kind;
    uint64_t sum = 0;

    assert_int_equal(call_all(f, SB_OK), 0);
    assert_int_equal(f->state->calls, CALLS);
    for (kind = 1; kind < SB_IO_ALL; kind <<= 1) {
        f->state->kinds = kind;
        f->state->calls = 0;
        assert_int_equal(call_all(f, SB_OK), 0);
        assert_true(f->state->calls >= 1);
        sum += f->state->calls;
    }
    assert_int_equal(sum, CALLS);
    assert_int_equal(f->state->failed, 0);
}

static void test_os_fault__fails_each_call_once(void **state)
{
    fixture *f = (fixture *)*state;
    uint64_t n;

    f->state->status = SB_FULL;
    for (n = 1; n <= CALLS; n++) {
        f->state->calls = 0;
        f->state->fail_at = n;
        assert_int_equal(call_all(f, SB_FULL), 1);
        assert_int_equal(f->state->failed, n);
    }
    f->state->calls = 0;
    f->state->fail_at = CALLS + 1;
    assert_int_equal(call_all(f, SB_FULL), 0);
}

static void test_os_fault__persists(void **state)
{
    fixture *f = (fixture *)*state;

    f->state->persistent = true;
    f->state->fail_at = 5;
    assert_int_equal(call_all(f, SB_IO), CALLS - 4);
    f->state->fail_at = 0;
    assert_int_equal(call_all(f, SB_IO), 0);
}

static void test_os_fault__names_itself(void **state)
{
    fixture *f = (fixture *)*state;
    sb_err err;

    sb_err_clear(&err);
    f->state->fail_at = 1;
    assert_int_equal(f->file->ops->sync(f->file, &err), SB_IO);
    assert_int_equal(err.os_error, EIO);
    assert_non_null(strstr(err.text, "a: can not sync"));
}

static void test_os_fault__writes_half(void **state)
{
    fixture *f = (fixture *)*state;
    const sb_io_piece pieces[] = {{"abc", 3}, {NULL, 0}, {"defgh", 5}};
    char got[10];

    f->state->kinds = SB_IO_WRITE;
    f->state->fail_at = 1;
    assert_int_equal(f->file->ops->write(f->file, 1, pieces, 3, NULL), SB_IO);
    assert_int_equal(sb_file_read_all(f->file, 0, got, 10, NULL), SB_OK);
    assert_memory_equal(got, "0123456789", 10);
    f->state->short_write = true;
    f->state->calls = 0;
    assert_int_equal(f->file->ops->write(f->file, 1, pieces, 3, NULL), SB_IO);
    assert_int_equal(sb_file_read_all(f->file, 0, got, 10, NULL), SB_OK);
    assert_memory_equal(got, "0abcd56789", 10);
    assert_int_equal(f->file->ops->write(f->file, 1, pieces, 3, NULL), SB_OK);
    assert_int_equal(sb_file_read_all(f->file, 0, got, 10, NULL), SB_OK);
    assert_memory_equal(got, "0abcdefgh9", 10);
}

static void test_os_fault__flips_one_bit_of_one_read(void **state)
{
    fixture *f = (fixture *)*state;
    char got[10];
    unsigned changed = 0;
    uint64_t n;
    size_t i;

    for (n = 1; n <= 20; n++) {
        f->state->reads = 0;
        f->state->flip_read_at = n;
        changed = 0;
        while (f->state->reads < 25) {
            assert_int_equal(sb_file_read_all(f->file, 0, got, 10, NULL), SB_OK);
            for (i = 0; i < 10; i++)
                changed +=
                    (unsigned)__builtin_popcount((unsigned)(got[i] ^ "0123456789"[i]) & 255u);
            assert_int_equal(changed, f->state->reads >= n);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_os_fault__counts_all_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_os_fault__fails_each_call_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_os_fault__persists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_os_fault__names_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(test_os_fault__writes_half, setup, teardown),
        cmocka_unit_test_setup_teardown(test_os_fault__flips_one_bit_of_one_read, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
