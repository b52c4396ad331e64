/* Goal: what every sb_vfs promises of its files, names, maps and locks.
 * Method: one list of cases, run over the posix, memory, faulty and power-losing file systems alike;
 * the posix one in a temporary directory. */
#include "support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/os.h"

/* Memory from it is never zero by luck. */
static void *alloc_dirty(void *ctx, size_t bytes)
{
    void *block = sb_allocator_libc.alloc(NULL, bytes);

    (void)ctx;
    if (block != NULL) memset(block, 0xA5, bytes);
    return block;
}

typedef struct fixture {
    sb_allocator dirty;
    sb_counting_allocator alloc;
    sb_vfs *inner; /* under a faulty one */
    sb_vfs *vfs;
    char directory[64]; /* made for posix, else only a name */
} fixture;

static const char *name_in(const fixture *f, const char *name)
{
    static char paths[4][128];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    (void)snprintf(path, sizeof paths[0], "%s/%s", f->directory, name);
    return path;
}

static fixture *make_fixture(void)
{
    fixture *f = (fixture *)calloc(1, sizeof *f);

    assert_non_null(f);
    f->dirty = sb_allocator_libc;
    f->dirty.alloc = alloc_dirty;
    sb_counting_allocator_init(&f->alloc, &f->dirty);
    (void)strcpy(f->directory, "sombra-test-XXXXXX");
    return f;
}

static int setup_posix(void **state)
{
    fixture *f = make_fixture();

    assert_non_null(mkdtemp(f->directory));
    assert_int_equal(sb_vfs_posix_create(&f->alloc.base, &f->vfs, NULL), SB_OK);
    *state = f;
    return 0;
}

static int setup_mem(void **state)
{
    fixture *f = make_fixture();

    assert_int_equal(sb_vfs_mem_create(&f->alloc.base, &f->vfs, NULL), SB_OK);
    *state = f;
    return 0;
}

static int setup_fault(void **state)
{
    fixture *f = make_fixture();

    assert_int_equal(sb_vfs_mem_create(&f->alloc.base, &f->inner, NULL), SB_OK);
    assert_int_equal(sb_vfs_fault_create(&f->alloc.base, f->inner, &f->vfs, NULL), SB_OK);
    *state = f;
    return 0;
}

static int setup_crash(void **state)
{
    fixture *f = make_fixture();

    assert_int_equal(sb_vfs_crash_create(&f->alloc.base, &f->vfs, NULL), SB_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"a", "b", "c"};
    fixture *f = (fixture *)*state;
    bool existed;
    size_t i;

    for (i = 0; i < 3; i++)
        assert_int_equal(f->vfs->ops->remove(f->vfs, name_in(f, names[i]), &existed, NULL), SB_OK);
    sb_vfs_destroy(f->vfs);
    sb_vfs_destroy(f->inner);
    assert_int_equal(f->alloc.live_bytes, 0);
    (void)rmdir(f->directory);
    free(f);
    return 0;
}

static sb_file *open_file(fixture *f, const char *name, unsigned flags)
{
    sb_file *file = NULL;
    sb_err err;

    sb_err_clear(&err);
    if (sb_vfs_open(f->vfs, name_in(f, name), flags, &file, &err) != SB_OK)
        fail_msg("%s", err.text);
    return file;
}

static void put(sb_file *file, uint64_t offset, const char *text)
{
    assert_int_equal(sb_file_write_all(file, offset, text, strlen(text), NULL), SB_OK);
}

static void expect(sb_file *file, uint64_t offset, const char *text, size_t bytes)
{
    char got[64];

    assert_true(bytes <= sizeof got);
    assert_int_equal(sb_file_read_all(file, offset, got, bytes, NULL), SB_OK);
    assert_memory_equal(got, text, bytes);
}

static uint64_t size_of(sb_file *file)
{
    sb_file_info info;

    assert_int_equal(file->ops->info(file, &info, NULL), SB_OK);
    assert_true(info.regular);
    return info.bytes;
}

/* ---- Files ------------------------------------------------------------------------------------------- */

static void test_os_vfs__reads_what_was_written(void **state)
{
    fixture *f = (fixture *)*state;
    sb_file *file = open_file(f, "a", SB_OPEN_CREATE);
    char got[16];
    size_t bytes = 99;

    put(file, 0, "hello");
    put(file, 5, " world");
    expect(file, 0, "hello world", 11);
    assert_int_equal(size_of(file), 11);
    assert_int_equal(file->ops->read(file, 6, got, sizeof got, &bytes, NULL), SB_OK);
    assert_int_equal(bytes, 5);
    assert_int_equal(file->ops->read(file, 11, got, sizeof got, &bytes, NULL), SB_OK);
    assert_int_equal(bytes, 0);
    assert_int_equal(file->ops->read(file, 1u << 30, got, sizeof got, &bytes, NULL), SB_OK);
    assert_int_equal(bytes, 0);
    assert_int_equal(file->ops->sync(file, NULL), SB_OK);
    sb_file_close(file);
    file = open_file(f, "a", SB_OPEN_READ_ONLY);
    expect(file, 0, "hello world", 11);
    sb_file_close(file);
}

static void test_os_vfs__short_read_is_an_error(void **state)
{
    fixture *f = (fixture *)*state;
    sb_file *file = open_file(f, "a", SB_OPEN_CREATE);
    char got[16];
    sb_err err;

    sb_err_clear(&err);
    put(file, 0, "hello");
    assert_int_equal(sb_file_read_all(file, 0, got, 6, &err), SB_IO);
    assert_non_null(strstr(err.text, "short read"));
    assert_non_null(strstr(err.text, name_in(f, "a")));
    sb_file_close(file);
}

static void test_os_vfs__gathers_pieces(void **state)
{
    enum { PIECES = 3000 };
    fixture *f = (fixture *)*state;
    sb_file *file = open_file(f, "a", SB_OPEN_CREATE);
    sb_io_piece *pieces = (sb_io_piece *)calloc(PIECES, sizeof *pieces);
    uint8_t *expected = (uint8_t *)malloc(PIECES * 8);
    uint8_t *got = (uint8_t *)malloc(PIECES * 8);
    size_t total = 0;
    size_t i;

    for (i = 0; i < PIECES * 8; i++)
        expected[i] = (uint8_t)(i * 31);
    for (i = 0; i < PIECES; i++) { /* among them empty ones, without data */
        pieces[i].bytes = i % 8;
        pieces[i].data = i % 8 == 0 ? NULL : expected + total;
        total += i % 8;
    }
    assert_int_equal(file->ops->write(file, 3, pieces, PIECES, NULL), SB_OK);
    assert_int_equal(size_of(file), 3 + total);
    assert_int_equal(sb_file_read_all(file, 3, got, total, NULL), SB_OK);
    assert_memory_equal(got, expected, total);
    assert_int_equal(file->ops->write(file, 100000, pieces, 1, NULL), SB_OK);
    assert_int_equal(file->ops->write(file, 100000, NULL, 0, NULL), SB_OK);
    assert_int_equal(size_of(file), 3 + total);
    free(got);
    free(expected);
    free(pieces);
    sb_file_close(file);
}

static void test_os_vfs__gaps_are_zero(void **state)
{
    static const char zeros[32];
    fixture *f = (fixture *)*state;
    sb_file *file = open_file(f, "a", SB_OPEN_CREATE);

    put(file, 0, "xxxxxxxxxxxxxxxx");
    assert_int_equal(file->ops->truncate(file, 4, NULL), SB_OK);
    assert_int_equal(size_of(file), 4);
    put(file, 20, "end");
    expect(file, 0, "xxxx", 4);
    expect(file, 4, zeros, 16);
    expect(file, 20, "end", 3);
    assert_int_equal(file->ops->truncate(file, 2, NULL), SB_OK);
    assert_int_equal(file->ops->truncate(file, 30, NULL), SB_OK);
    expect(file, 2, zeros, 28);
    put(file, (3u << 20) + 5, "far"); /* past segments that were never touched */
    expect(file, 30, zeros, 32);
    expect(file, (2u << 20) - 16, zeros, 32);
    expect(file, (3u << 20) - 16, zeros, 21);
    put(file, (1u << 20) + 100, "mid"); /* into a hole */
    expect(file, (1u << 20) + 68, zeros, 32);
    expect(file, (1u << 20) + 103, zeros, 32);
    expect(file, (2u << 20) - 32, zeros, 32);
    assert_int_equal(file->ops->truncate(file, 3u << 20, NULL), SB_OK);
    assert_int_equal(file->ops->truncate(file, 4u << 20, NULL), SB_OK);
    expect(file, 3u << 20, zeros, 32);
    sb_file_close(file);
}

static void test_os_vfs__writes_across_segments(void **state)
{
    const size_t bytes = (2u << 20) + 12345;
    fixture *f = (fixture *)*state;
    sb_file *file = open_file(f, "a", SB_OPEN_CREATE);
    uint8_t *data = (uint8_t *)malloc(bytes);
    uint8_t *got = (uint8_t *)malloc(bytes);
    sb_random random = {.state = 1};
    size_t i;

    for (i = 0; i < bytes; i++)
        data[i] = (uint8_t)sb_random_next(&random);
    assert_int_equal(sb_file_write_all(file, 777, data, bytes, NULL), SB_OK);
    assert_int_equal(sb_file_read_all(file, 777, got, bytes, NULL), SB_OK);
    assert_memory_equal(got, data, bytes);
    free(got);
    free(data);
    sb_file_close(file);
}

static void test_os_vfs__read_only_handles_do_not_write(void **state)
{
    fixture *f = (fixture *)*state;
    sb_file *file;
    bool taken = true;

    sb_file_close(open_file(f, "a", SB_OPEN_CREATE));
    file = open_file(f, "a", SB_OPEN_READ_ONLY);
    assert_int_equal(sb_file_write_all(file, 0, "x", 1, NULL), SB_IO);
    assert_int_not_equal(file->ops->truncate(file, 5, NULL), SB_OK);
    assert_int_equal(file->ops->lock(file, 0, 1, SB_LOCK_EXCLUSIVE, &taken, NULL), SB_IO);
    assert_false(taken);
    assert_int_equal(size_of(file), 0);
    sb_file_close(file);
}

/* ---- Names ------------------------------------------------------------------------------------------- */

static bool exists(fixture *f, const char *name)
{
    bool found = false;

    assert_int_equal(f->vfs->ops->exists(f->vfs, name_in(f, name), &found, NULL), SB_OK);
    return found;
}

static void test_os_vfs__open_flags(void **state)
{
    fixture *f = (fixture *)*state;
    sb_file *file = NULL;
    sb_err err;

    sb_err_clear(&err);
    assert_int_equal(sb_vfs_open(f->vfs, name_in(f, "a"), 0, &file, &err), SB_CANT_OPEN);
    assert_null(file);
    assert_int_equal(err.os_error, ENOENT);
    assert_non_null(strstr(err.text, name_in(f, "a")));
    assert_false(exists(f, "a"));
    sb_file_close(open_file(f, "a", SB_OPEN_CREATE | SB_OPEN_EXCLUSIVE));
    assert_true(exists(f, "a"));
    assert_int_equal(
        sb_vfs_open(f->vfs, name_in(f, "a"), SB_OPEN_CREATE | SB_OPEN_EXCLUSIVE, &file, NULL),
        SB_EXISTS);
    assert_null(file);
    sb_file_close(open_file(f, "a", SB_OPEN_CREATE | SB_OPEN_SEQUENTIAL));
}

static void test_os_vfs__remove_keeps_open_files(void **state)
{
    fixture *f = (fixture *)*state;
    sb_file *file = open_file(f, "a", SB_OPEN_CREATE);
    sb_file *other;
    bool existed = false;

    put(file, 0, "old");
    assert_int_equal(f->vfs->ops->remove(f->vfs, name_in(f, "a"), &existed, NULL), SB_OK);
    assert_true(existed);
    assert_int_equal(f->vfs->ops->remove(f->vfs, name_in(f, "a"), &existed, NULL), SB_OK);
    assert_false(existed);
    assert_false(exists(f, "a"));
    other = open_file(f, "a", SB_OPEN_CREATE);
    assert_int_equal(size_of(other), 0);
    put(other, 0, "new");
    expect(file, 0, "old", 3);
    sb_file_close(file);
    expect(other, 0, "new", 3);
    sb_file_close(other);
}

static void test_os_vfs__rename_replaces_nothing(void **state)
{
    fixture *f = (fixture *)*state;
    sb_file *a = open_file(f, "a", SB_OPEN_CREATE);
    sb_file *b = open_file(f, "b", SB_OPEN_CREATE);
    sb_file_info before;
    sb_file_info after;
    bool existed;

    put(a, 0, "from a");
    put(b, 0, "from b");
    assert_int_equal(a->ops->info(a, &before, NULL), SB_OK);
    sb_file_close(a);
    assert_int_equal(f->vfs->ops->rename(f->vfs, name_in(f, "a"), name_in(f, "b"), NULL),
                     SB_EXISTS);
    assert_true(exists(f, "a"));
    expect(b, 0, "from b", 6);
    sb_file_close(b);
    assert_int_equal(f->vfs->ops->remove(f->vfs, name_in(f, "b"), &existed, NULL), SB_OK);
    assert_int_equal(f->vfs->ops->rename(f->vfs, name_in(f, "a"), name_in(f, "b"), NULL), SB_OK);
    assert_false(exists(f, "a"));
    b = open_file(f, "b", 0);
    expect(b, 0, "from a", 6);
    assert_int_equal(b->ops->info(b, &after, NULL), SB_OK);
    assert_true(after.inode == before.inode && after.device == before.device);
    sb_file_close(b);
    assert_int_equal(f->vfs->ops->rename(f->vfs, name_in(f, "a"), name_in(f, "c"), NULL), SB_IO);
    assert_int_equal(f->vfs->ops->rename(f->vfs, name_in(f, "b"), name_in(f, "b"), NULL),
                     SB_EXISTS);
    assert_true(exists(f, "b"));
    assert_int_equal(f->vfs->ops->sync_directory(f->vfs, name_in(f, "b"), NULL), SB_OK);
}

static void test_os_vfs__temporary_files(void **state)
{
    fixture *f = (fixture *)*state;
    sb_file *one = NULL;
    sb_file *two = NULL;

    assert_int_equal(f->vfs->ops->open_temporary(f->vfs, f->directory, &one, NULL), SB_OK);
    assert_int_equal(f->vfs->ops->open_temporary(f->vfs, NULL, &two, NULL), SB_OK);
    put(one, 0, "one");
    put(two, 0, "two");
    assert_int_equal(one->ops->sync(one, NULL), SB_OK);
    assert_int_equal(one->ops->truncate(one, 100, NULL), SB_OK);
    expect(one, 0, "one", 3);
    expect(two, 0, "two", 3);
    sb_file_close(one);
    sb_file_close(two); /* the posix directory is empty again: teardown removes it */
}

static void test_os_vfs__clock_and_random(void **state)
{
    fixture *f = (fixture *)*state;
    const uint64_t start = f->vfs->ops->monotonic_ns(f->vfs);
    uint64_t words[4] = {0};
    bool writable = false;

    f->vfs->ops->sleep_ns(f->vfs, 2000000);
    assert_true(f->vfs->ops->monotonic_ns(f->vfs) - start >= 2000000);
    assert_true(f->vfs->ops->wall_ns(f->vfs) > 1700000000ull * 1000000000ull);
    assert_int_equal(f->vfs->ops->random(f->vfs, words, sizeof words, NULL), SB_OK);
    assert_true(words[0] != words[1] && words[2] != words[3]);
    assert_int_equal(f->vfs->ops->directory_writable(f->vfs, name_in(f, "a"), &writable, NULL),
                     SB_OK);
    assert_true(writable);
}

/* ---- Maps -------------------------------------------------------------------------------------------- */

static void test_os_vfs__maps_see_writes(void **state)
{
    fixture *f = (fixture *)*state;
    const size_t step = f->vfs->map_step_bytes;
    sb_file *file = open_file(f, "a", SB_OPEN_CREATE);
    sb_file *other = open_file(f, "a", 0);
    char *first = NULL;
    char *second = NULL;
    char *shared = NULL;
    void *address;

    assert_int_equal(step & (step - 1), 0);
    assert_int_equal(step % 65536, 0);
    put(file, 0, "before");
    assert_int_equal(file->ops->map(file, 0, step, false, &address, NULL), SB_OK);
    first = (char *)address;
    assert_int_equal((uintptr_t)first % 4096, 0);
    assert_memory_equal(first, "before", 6);
    put(other, 0, "behind");
    assert_memory_equal(first, "behind", 6);
    assert_int_equal(file->ops->map(file, step, step, false, &address, NULL),
                     SB_OK); /* past the end */
    second = (char *)address;
    put(other, step + 10, "grown");
    assert_memory_equal(second + 10, "grown", 5);
    assert_int_equal(second[0], 0); /* the gap */
    assert_int_equal(first[4096], 0);
    assert_int_equal(other->ops->map(other, 0, step, true, &address, NULL), SB_OK);
    shared = (char *)address;
    shared[100] = 'w';
    assert_int_equal(first[100], 'w');
    expect(file, 100, "w", 1);
    file->ops->advise(file, 0, step, true);
    file->ops->advise(file, 0, step, false);
    assert_int_equal(sb_file_write_back(file, 0, step, NULL), SB_OK);
    assert_memory_equal(first, "behind", 6);
    assert_int_equal(file->ops->truncate(file, 0, NULL), SB_OK); /* the map outlives it */
    put(other, 3, "again");
    assert_memory_equal(first, "\0\0\0again\0", 9);
    other->ops->unmap(other, shared, step);
    file->ops->unmap(file, first, step);
    file->ops->unmap(file, second, step);
    sb_file_close(other);
    sb_file_close(file);
}

/* ---- Locks ------------------------------------------------------------------------------------------- */

static bool take(sb_file *file, uint64_t start, uint64_t bytes, sb_lock_kind kind)
{
    bool taken = false;

    assert_int_equal(file->ops->lock(file, start, bytes, kind, &taken, NULL), SB_OK);
    return taken;
}

static bool held(sb_file *file, uint64_t start, uint64_t bytes)
{
    bool is_held = false;

    assert_int_equal(file->ops->lock_held(file, start, bytes, &is_held, NULL), SB_OK);
    return is_held;
}

static void test_os_vfs__locks_exclude_other_opens(void **state)
{
    fixture *f = (fixture *)*state;
    sb_file *a = open_file(f, "a", SB_OPEN_CREATE);
    sb_file *b = open_file(f, "a", 0);
    sb_file *c = open_file(f, "b", SB_OPEN_CREATE); /* another file: never in the way */

    assert_true(take(a, 10, 1, SB_LOCK_EXCLUSIVE));
    assert_true(take(c, 10, 1, SB_LOCK_EXCLUSIVE));
    assert_true(take(a, 10, 1, SB_LOCK_EXCLUSIVE)); /* one's own is not in the way */
    assert_false(held(a, 10, 1));
    assert_true(held(b, 10, 1));
    assert_true(held(b, 0, 100));
    assert_false(held(b, 11, 100));
    assert_false(take(b, 10, 1, SB_LOCK_SHARED));
    assert_false(take(b, 0, 11, SB_LOCK_EXCLUSIVE));
    assert_true(take(b, 0, 10, SB_LOCK_EXCLUSIVE));
    assert_true(take(a, 10, 1, SB_LOCK_SHARED)); /* weaker */
    assert_true(take(b, 10, 1, SB_LOCK_SHARED));
    assert_false(take(a, 10, 1, SB_LOCK_EXCLUSIVE)); /* refused: what it had stays */
    assert_true(held(b, 10, 1));
    assert_true(take(b, 10, 1, SB_LOCK_NONE));
    assert_true(take(a, 10, 1, SB_LOCK_EXCLUSIVE));
    assert_true(take(b, 10, 1, SB_LOCK_NONE)); /* drops nothing of a's */
    assert_true(held(b, 10, 1));
    sb_file_close(a);
    assert_false(held(b, 10, 1));
    assert_true(take(b, 10, 1, SB_LOCK_EXCLUSIVE));
    sb_file_close(b);
    sb_file_close(c);
}

static void test_os_vfs__locks_split_ranges(void **state)
{
    fixture *f = (fixture *)*state;
    sb_file *a = open_file(f, "a", SB_OPEN_CREATE);
    sb_file *b = open_file(f, "a", 0);
    uint64_t i;

    assert_true(take(a, 0, 100, SB_LOCK_EXCLUSIVE));
    assert_true(take(a, 40, 20, SB_LOCK_NONE)); /* a hole */
    assert_true(held(b, 0, 40));
    assert_true(held(b, 39, 2));
    assert_false(held(b, 40, 20));
    assert_true(held(b, 59, 2));
    assert_true(take(a, 50, 30, SB_LOCK_SHARED)); /* [0,40) x, [50,80) s, [80,100) x */
    assert_true(take(b, 60, 20, SB_LOCK_SHARED));
    assert_false(take(b, 60, 21, SB_LOCK_SHARED));
    assert_false(take(a, 79, 1, SB_LOCK_EXCLUSIVE));
    assert_true(take(a, 0, 1000, SB_LOCK_NONE));
    assert_false(held(b, 0, 1000));
    assert_true(held(a, 0, 1000));
    assert_true(take(b, 0, 1000, SB_LOCK_NONE));
    for (i = 0; i < 100; i++)
        assert_true(take(a, 2 * i, 1, SB_LOCK_EXCLUSIVE));
    for (i = 0; i < 100; i++)
        assert_true(held(b, 2 * i, 1) && !held(b, 2 * i + 1, 1));
    sb_file_close(a);
    assert_false(held(b, 0, 1000));
    sb_file_close(b);
}

/* The same random calls on a table of who holds which byte. */
static void test_os_vfs__locks_as_the_model_has_them(void **state)
{
    enum { FILES = 3, BYTES = 24, STEPS = 3000 };
    fixture *f = (fixture *)*state;
    sb_random random = test_random(20260101);
    sb_lock_kind model[FILES][BYTES] = {{SB_LOCK_NONE}};
    sb_file *files[FILES];
    int i;

    for (i = 0; i < FILES; i++)
        files[i] = open_file(f, "a", SB_OPEN_CREATE);
    for (i = 0; i < STEPS; i++) {
        const size_t who = (size_t)sb_random_below(&random, FILES);
        const size_t start = (size_t)sb_random_below(&random, BYTES);
        const size_t bytes = 1 + (size_t)sb_random_below(&random, BYTES - start);
        const sb_lock_kind kind = (sb_lock_kind)sb_random_below(&random, 3);
        bool free_for_it = true;
        bool any = false;
        size_t other;
        size_t at;
        for (other = 0; other < FILES; other++)
            for (at = start; at < start + bytes && other != who; at++) {
                any = any || model[other][at] != SB_LOCK_NONE;
                if (model[other][at] == SB_LOCK_EXCLUSIVE && kind != SB_LOCK_NONE)
                    free_for_it = false;
                if (model[other][at] == SB_LOCK_SHARED && kind == SB_LOCK_EXCLUSIVE)
                    free_for_it = false;
            }
        assert_int_equal(held(files[who], start, bytes), any);
        assert_int_equal(take(files[who], start, bytes, kind), free_for_it);
        for (at = start; at < start + bytes && free_for_it; at++)
            model[who][at] = kind;
    }
    for (i = 0; i < FILES; i++)
        sb_file_close(files[i]);
}

/* ---- Memory that runs out ---------------------------------------------------------------------------- */

/* Each allocation of a small workload fails in turn: a status, nothing lost, and it works afterwards. */
static sb_status small_workload(fixture *f)
{
    sb_file *file = NULL;
    sb_file *temporary = NULL;
    void *address = NULL;
    bool flag;
    size_t i;
    sb_status st = sb_vfs_open(f->vfs, name_in(f, "a"), SB_OPEN_CREATE, &file, NULL);

    if (st == SB_OK) st = sb_file_write_all(file, (5u << 20) + 1, "data", 4, NULL);
    if (st == SB_OK) st = file->ops->truncate(file, 5u << 20, NULL);
    if (st == SB_OK) st = file->ops->map(file, 0, f->vfs->map_step_bytes, false, &address, NULL);
    if (address != NULL) file->ops->unmap(file, address, f->vfs->map_step_bytes);
    for (i = 0; i < 20 && st == SB_OK; i++)
        st = file->ops->lock(file, 2 * i, 1, SB_LOCK_EXCLUSIVE, &flag, NULL);
    if (st == SB_OK) st = file->ops->sync(file, NULL);
    sb_file_close(file);
    if (st == SB_OK) st = f->vfs->ops->open_temporary(f->vfs, f->directory, &temporary, NULL);
    sb_file_close(temporary);
    if (st == SB_OK) st = f->vfs->ops->directory_writable(f->vfs, name_in(f, "a"), &flag, NULL);
    if (st == SB_OK) st = f->vfs->ops->rename(f->vfs, name_in(f, "a"), name_in(f, "b"), NULL);
    if (st == SB_OK) st = f->vfs->ops->sync_directory(f->vfs, name_in(f, "b"), NULL);
    if (st == SB_OK) st = f->vfs->ops->remove(f->vfs, name_in(f, "b"), &flag, NULL);
    return st;
}

static void test_os_vfs__survives_no_memory(void **state)
{
    fixture *f = (fixture *)*state;
    size_t failures = 0;
    size_t n;
    bool existed;
    sb_status st = SB_NOMEM;

    for (n = 1; st != SB_OK; n++) {
        f->alloc.fail_at = f->alloc.alloc_count + n;
        st = small_workload(f);
        if (st != SB_OK) assert_int_equal(st, SB_NOMEM);
        f->alloc.fail_at = 0;
        assert_int_equal(f->vfs->ops->remove(f->vfs, name_in(f, "b"), &existed, NULL), SB_OK);
        failures += st != SB_OK;
        assert_true(n < 1000);
    }
    f->alloc.fail_at = 0;
    assert_true(failures >= 3);
    assert_int_equal(small_workload(f), SB_OK);
}

/* ---- Posix alone --------------------------------------------------------------------------------------- */

static void test_os_vfs__posix_standard_descriptors_stay_free(void **state)
{
    fixture *f = (fixture *)*state;
    const int saved = dup(STDIN_FILENO);
    sb_file *file;

    (void)close(STDIN_FILENO);
    file = open_file(f, "a", SB_OPEN_CREATE);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1); /* nobody took number 0 */
    put(file, 0, "ok");
    sb_file_close(file);
    if (saved >= 0) {
        assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
        (void)close(saved);
    }
}

typedef struct pipe_opener {
    fixture *f;
    const char *name;
    sb_file *file;
} pipe_opener;

static void open_pipe(void *ctx)
{
    pipe_opener *self = (pipe_opener *)ctx;

    self->file = open_file(self->f, self->name, SB_OPEN_READ_ONLY | SB_OPEN_SEQUENTIAL);
}

/* While a file is opened, something else has their numbers: nobody prints into it before it has moved away. To open a pipe takes until
 * it has a writer. */
static void test_os_vfs__posix_standard_descriptors_are_filled(void **state)
{
    fixture *f = (fixture *)*state;
    pipe_opener opener = {.f = f, .name = "pipe"};
    const int saved = dup(STDIN_FILENO);
    sb_thread *thread = NULL;
    bool filled = false;
    int writer;

    (void)close(STDIN_FILENO);
    assert_int_equal(mkfifo(name_in(f, opener.name), 0600), 0);
    assert_int_equal(sb_thread_create(&f->alloc.base, open_pipe, &opener, &thread, NULL), SB_OK);
    for (unsigned i = 0; i < 5000 && !filled; i++) {
        filled = fcntl(STDIN_FILENO, F_GETFD) >= 0;
        if (!filled) f->vfs->ops->sleep_ns(f->vfs, 1000000);
    }
    writer = open(name_in(f, opener.name), O_WRONLY | O_CLOEXEC);
    sb_thread_join(thread);
    assert_true(filled);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
    sb_file_close(opener.file);
    (void)close(writer);
    if (saved >= 0) {
        assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
        (void)close(saved);
    }
}

static void test_os_vfs__posix_names_what_failed(void **state)
{
    fixture *f = (fixture *)*state;
    sb_file *file = NULL;
    sb_file_info info;
    bool flag = true;
    sb_err err;

    sb_err_clear(&err);
    assert_int_equal(sb_vfs_open(f->vfs, f->directory, 0, &file, &err), SB_CANT_OPEN);
    assert_int_equal(err.os_error, EISDIR);
    assert_int_equal(sb_vfs_open(f->vfs, f->directory, SB_OPEN_READ_ONLY, &file, NULL), SB_OK);
    assert_int_equal(file->ops->info(file, &info, NULL), SB_OK);
    assert_false(info.regular);
    sb_file_close(file);
    assert_int_equal(f->vfs->ops->exists(f->vfs, "no/such/place", &flag, NULL), SB_OK);
    assert_false(flag);
    assert_int_equal(f->vfs->ops->directory_writable(f->vfs, "no/such", &flag, NULL), SB_IO);
    assert_int_equal(f->vfs->ops->sync_directory(f->vfs, "no/such", NULL), SB_IO);
    assert_int_equal(f->vfs->ops->sync_directory(f->vfs, "here", NULL), SB_OK);
    assert_int_equal(f->vfs->ops->sync_directory(f->vfs, "/here", NULL), SB_OK);
    file = open_file(f, "a", SB_OPEN_CREATE);
    sb_err_clear(&err);
    assert_int_equal(sb_file_write_all(file, UINT64_MAX - 1, "x", 1, &err), SB_FULL); /* EFBIG */
    assert_non_null(strstr(err.text, name_in(f, "a")));
    sb_file_close(file);
}

#define CASES(how)                                                                                 \
    CASE(how, reads_what_was_written), CASE(how, short_read_is_an_error),                          \
        CASE(how, gathers_pieces), CASE(how, gaps_are_zero), CASE(how, writes_across_segments),    \
        CASE(how, read_only_handles_do_not_write), CASE(how, open_flags),                          \
        CASE(how, remove_keeps_open_files), CASE(how, rename_replaces_nothing),                    \
        CASE(how, temporary_files), CASE(how, clock_and_random), CASE(how, maps_see_writes),       \
        CASE(how, locks_exclude_other_opens), CASE(how, locks_split_ranges),                       \
        CASE(how, locks_as_the_model_has_them), CASE(how, survives_no_memory)
#define CASE(how, name)                                                                            \
    {                                                                                              \
        "test_os_vfs__" #how "_" #name, test_os_vfs__##name, setup_##how, teardown, NULL           \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASES(posix),
        CASES(mem),
        CASES(fault),
        CASES(crash),
        CASE(posix, posix_standard_descriptors_stay_free),
        CASE(posix, posix_standard_descriptors_are_filled),
        CASE(posix, posix_names_what_failed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
