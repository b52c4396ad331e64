/* Goal: large blocks keep what is in them however they are resized; freeing one unmaps nothing in the thread that frees, a thread brings
 * what waits down to what is kept, a later block is cut from what waits; nothing is left, in a forked child nothing hangs.
 * Method: counts of bytes mapped and waiting; an inner allocator that counts blocks and fails. */
#include "support/unit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"

#define MIB ((size_t)1 << 20)

typedef struct fixture {
    sb_counting_allocator inner;
    sb_memory *memory;
    const sb_allocator *alloc;
} fixture;

static void begin(fixture *f)
{
    sb_counting_allocator_init(&f->inner, &sb_allocator_libc);
    assert_int_equal(sb_memory_create(&f->inner.base, &f->memory, NULL), SB_OK);
    f->alloc = sb_memory_allocator(f->memory);
}

static void end(fixture *f)
{
    sb_memory_destroy(f->memory);
    assert_int_equal(atomic_load(&f->inner.live_blocks), 0);
}

static size_t waiting(fixture *f)
{
    return sb_memory_counts(f->memory).waiting_bytes;
}

static size_t mapped(fixture *f)
{
    return sb_memory_counts(f->memory).mapped_bytes;
}

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 31 + at / 4096);
}

static void fill(uint8_t *block, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        block[i] = pattern(i);
}

static bool is_filled(const uint8_t *block, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (block[i] != pattern(i)) return false;
    return true;
}

static void test_os_memory__sizes(void **state)
{
    static const size_t sizes[] = {1,      100,     131071,      131072,   131073,
                                   200000, 5 * MIB, 5 * MIB + 1, 40 * MIB, 300000,
                                   131072, 131071,  0,           3 * MIB,  7};
    fixture f;
    size_t held = 0;
    uint8_t *block = NULL;
    (void)state;

    begin(&f);
    sb_memory_keep(f.memory, 64 * MIB);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        block = sb_resize(f.alloc, block, held, sizes[i]);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 16, 0);
        assert_true(is_filled(block, held < sizes[i] ? held : sizes[i]));
        fill(block, 0, sizes[i]);
        held = sizes[i];
    }
    sb_free(f.alloc, block, held);
    assert_null(sb_alloc(f.alloc, SIZE_MAX));
    assert_null(sb_alloc(f.alloc, SIZE_MAX / 2));
    assert_int_equal(mapped(&f), waiting(&f));
    end(&f);
}

static void test_os_memory__waits_and_is_used_again(void **state)
{
    fixture f;
    uint8_t *blocks[8];
    (void)state;

    if (SB_SANITIZED_MEMORY) skip();
    begin(&f);
    sb_memory_keep(f.memory, 64 * MIB);
    for (size_t i = 0; i < 8; i++)
        assert_non_null(blocks[i] = sb_alloc(f.alloc, 2 * MIB));
    for (size_t i = 0; i < 8; i++)
        sb_free(f.alloc, blocks[i], 2 * MIB);
    assert_int_equal(waiting(&f), 16 * MIB);
    /* Cut from what waits, each byte once. */
    for (size_t i = 0; i < 8; i++) {
        assert_non_null(blocks[i] = sb_alloc(f.alloc, MIB));
        memset(blocks[i], (int)i, MIB);
    }
    assert_int_equal(waiting(&f), 8 * MIB);
    assert_int_equal(mapped(&f), 16 * MIB);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(blocks[i][0], i);
        assert_int_equal(blocks[i][MIB - 1], i);
        sb_free(f.alloc, blocks[i], MIB);
    }
    /* What fits nowhere is fresh. */
    assert_non_null(blocks[0] = sb_alloc(f.alloc, 18 * MIB));
    assert_int_equal(mapped(&f), 34 * MIB);
    sb_free(f.alloc, blocks[0], 18 * MIB);
    end(&f);
}

/* The first MiB is mapped as it is asked for, what comes then from the start of a huge page on; its rest serves others, and blocks that grow. */
static void test_os_memory__huge_pages(void **state)
{
    fixture f;
    uint8_t *blocks[5];
    (void)state;

    if (SB_SANITIZED_MEMORY) skip();
    begin(&f);
    sb_memory_keep(f.memory, 64 * MIB);
    for (size_t i = 0; i < 2; i++)
        assert_non_null(blocks[i] = sb_alloc(f.alloc, MIB / 2));
    assert_int_equal(mapped(&f), MIB);
    assert_non_null(blocks[2] = sb_alloc(f.alloc, MIB / 2));
    assert_int_equal((uintptr_t)blocks[2] % (2 * MIB), 0);
    assert_int_equal(mapped(&f), 3 * MIB);
    assert_int_equal(waiting(&f), 3 * MIB / 2);
    assert_non_null(blocks[3] = sb_alloc(f.alloc, MIB / 2));
    assert_int_equal(waiting(&f), MIB);
    fill(blocks[2], 0, MIB / 2);
    fill(blocks[3], 0, MIB / 2);
    assert_non_null(blocks[2] = sb_resize(f.alloc, blocks[2], MIB / 2, MIB));
    assert_true(is_filled(blocks[2], MIB / 2));
    assert_int_equal(mapped(&f), 3 * MIB);
    assert_int_equal(waiting(&f), MIB / 2);
    assert_non_null(blocks[4] = sb_alloc(f.alloc, 5 * MIB));
    fill(blocks[4], 0, 5 * MIB);
    assert_int_equal((uintptr_t)blocks[4] % (2 * MIB), 0);
    assert_int_equal(mapped(&f), 9 * MIB);
    assert_int_equal(waiting(&f), 3 * MIB / 2);
    assert_non_null(blocks[4] = sb_resize(f.alloc, blocks[4], 5 * MIB, 7 * MIB));
    assert_true(is_filled(blocks[4], 5 * MIB));
    assert_true(is_filled(blocks[3], MIB / 2));
    for (size_t i = 0; i < 4; i++)
        sb_free(f.alloc, blocks[i], i == 2 ? MIB : MIB / 2);
    sb_free(f.alloc, blocks[4], 7 * MIB);
    assert_int_equal(waiting(&f), mapped(&f));
    end(&f);
}

/* Nothing is mapped for the sake of huge pages that may not wait. */
static void test_os_memory__huge_pages_within_what_is_kept(void **state)
{
    fixture f;
    uint8_t *first, *second;
    (void)state;

    if (SB_SANITIZED_MEMORY) skip();
    begin(&f);
    sb_memory_keep(f.memory, MIB - 4096);
    assert_non_null(first = sb_alloc(f.alloc, 3 * MIB));
    assert_non_null(second = sb_alloc(f.alloc, MIB));
    assert_int_equal(mapped(&f), 4 * MIB);
    assert_int_equal(waiting(&f), 0);
    assert_non_null(second = sb_resize(f.alloc, second, MIB, 3 * MIB));
    assert_int_equal(mapped(&f), 6 * MIB);
    sb_free(f.alloc, first, 3 * MIB);
    sb_free(f.alloc, second, 3 * MIB);
    end(&f);
}

static void wait_for(fixture *f, size_t bytes)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    while (mapped(f) > bytes)
        (void)nanosleep(&pause, NULL);
}

static void test_os_memory__given_back_by_a_thread(void **state)
{
    fixture f;
    (void)state;

    if (SB_SANITIZED_MEMORY) skip();
    begin(&f);
    for (int round = 0; round < 3; round++) {
        uint8_t *large = sb_alloc(f.alloc, 50 * MIB), *other = sb_alloc(f.alloc, MIB);
        assert_non_null(large);
        assert_non_null(other);
        fill(other, 0, MIB);
        sb_free(f.alloc, large, 50 * MIB);
        wait_for(&f, MIB); /* or the test hangs */
        assert_int_equal(waiting(&f), 0);
        assert_true(is_filled(other, MIB));
        sb_free(f.alloc, other, MIB);
        wait_for(&f, 0);
    }
    end(&f);
}

static _Atomic unsigned closed;
static _Atomic bool may_close;

static void note_closed(sb_file *file)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    (void)file;
    while (!atomic_load(&may_close))
        (void)nanosleep(&pause, NULL);
    atomic_fetch_add(&closed, 1);
}

/* Who hands a file on does not wait until it is closed; past many that wait, without a thread and without a memory it is closed at once. */
static void test_os_memory__files(void **state)
{
    enum { FILES = 100 };
    static const sb_file_ops ops = {.close = note_closed};
    static sb_file files[FILES];
    fixture f;
    (void)state;

    begin(&f);
    for (size_t i = 0; i < FILES; i++)
        files[i].ops = &ops;
    for (size_t i = 0; i < 60; i++)
        sb_memory_close_file(f.memory, &files[i]);
    sb_memory_close_file(f.memory, NULL);
    assert_int_equal(atomic_load(&closed), 0);
    atomic_store(&may_close, true);
    sb_memory_settle(f.memory);
    assert_int_equal(atomic_load(&closed), 60);
    atomic_store(&f.inner.fail_persistent, true);
    atomic_store(&f.inner.fail_at, atomic_load(&f.inner.alloc_count) + 1);
    sb_memory_close_file(f.memory, &files[0]);
    assert_int_equal(atomic_load(&closed), 61);
    sb_memory_close_file(NULL, &files[0]);
    assert_int_equal(atomic_load(&closed), 62);
    atomic_store(&f.inner.fail_at, 0);
    for (size_t i = 0; i < FILES; i++)
        sb_memory_close_file(f.memory, &files[i]);
    sb_memory_settle(f.memory);
    sb_memory_settle(NULL);
    assert_int_equal(atomic_load(&closed), 62 + FILES);
    end(&f);
}

/* No thread can be started: what is taken afresh gives back, and the end gives back the rest. */
static void test_os_memory__without_a_thread(void **state)
{
    fixture f;
    (void)state;

    if (SB_SANITIZED_MEMORY) skip();
    begin(&f);
    atomic_store(&f.inner.fail_persistent, true);
    atomic_store(&f.inner.fail_at, atomic_load(&f.inner.alloc_count) + 1);
    uint8_t *block = sb_alloc(f.alloc, 100 * MIB);
    assert_non_null(block);
    sb_free(f.alloc, block, 100 * MIB);
    assert_int_equal(waiting(&f), 100 * MIB);
    assert_int_equal(mapped(&f), 100 * MIB);
    sb_memory_keep(f.memory, 30 * MIB);
    block = sb_alloc(f.alloc, 120 * MIB);
    assert_non_null(block);
    assert_true(waiting(&f) <= 40 * MIB);
    assert_int_equal(mapped(&f), 120 * MIB + waiting(&f));
    sb_free(f.alloc, block, 120 * MIB);
    end(&f);
}

static void test_os_memory__no_memory_to_begin(void **state)
{
    sb_counting_allocator inner;
    sb_memory *memory;
    sb_status status = SB_NOMEM;
    (void)state;

    sb_counting_allocator_init(&inner, &sb_allocator_libc);
    for (size_t n = 1; status != SB_OK; n++) {
        atomic_store(&inner.alloc_count, 0);
        atomic_store(&inner.fail_at, n);
        status = sb_memory_create(&inner.base, &memory, NULL);
        if (status == SB_OK) break;
        assert_int_equal(status, SB_NOMEM);
        assert_null(memory);
        assert_int_equal(atomic_load(&inner.live_blocks), 0);
    }
    sb_memory_destroy(memory);
    sb_memory_destroy(NULL);
    assert_int_equal(atomic_load(&inner.live_blocks), 0);
}

/* The child uses and frees what its parent made, and destroys; the parent's lock and thread are of no concern to it. */
static void test_os_memory__fork(void **state)
{
    fixture f;
    int status;
    (void)state;

    begin(&f);
    uint8_t *large = sb_alloc(f.alloc, 20 * MIB), *freed = sb_alloc(f.alloc, 90 * MIB);
    assert_non_null(large);
    assert_non_null(freed);
    fill(large, 0, 20 * MIB);
    sb_free(f.alloc, freed, 90 * MIB); /* a thread is at work */
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        uint8_t *grown = sb_resize(f.alloc, large, 20 * MIB, 30 * MIB);
        bool good = grown != NULL && is_filled(grown, 20 * MIB);
        sb_free(f.alloc, grown, 30 * MIB);
        uint8_t *other = sb_alloc(f.alloc, 10 * MIB);
        good = good && other != NULL;
        sb_free(f.alloc, other, 10 * MIB);
        sb_memory_destroy(f.memory);
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    sb_free(f.alloc, large, 20 * MIB);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_os_memory__sizes),
        cmocka_unit_test(test_os_memory__waits_and_is_used_again),
        cmocka_unit_test(test_os_memory__huge_pages),
        cmocka_unit_test(test_os_memory__huge_pages_within_what_is_kept),
        cmocka_unit_test(test_os_memory__given_back_by_a_thread),
        cmocka_unit_test(test_os_memory__files),
        cmocka_unit_test(test_os_memory__without_a_thread),
        cmocka_unit_test(test_os_memory__no_memory_to_begin),
        cmocka_unit_test(test_os_memory__fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
