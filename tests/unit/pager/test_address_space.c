/* test_address_space.c — what is mapped is what the files hold, rounded up to one step, and shared memory; none of it with read_mode cache
 * but shared memory. Counted in /proc/self/maps. */
#include "pager_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pager/pager_priv.h"

/* Bytes of address space that maps of a file take, whose path ends so. */
static uint64_t mapped(const char *name)
{
    char line[512];
    uint64_t bytes = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        char *end = NULL;
        const size_t length = strcspn(line, "\n"), wanted = strlen(name);
        const uint64_t from = strtoull(line, &end, 16), to = strtoull(end + 1, NULL, 16);
        if (length >= wanted && memcmp(line + length - wanted, name, wanted) == 0)
            bytes += to - from;
    }
    assert_int_equal(fclose(maps), 0);
    return bytes;
}

static uint64_t steps_of(const char *name, size_t step)
{
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const uint64_t bytes = (uint64_t)ftell(file);
    assert_int_equal(fclose(file), 0);
    return (bytes + step - 1) / step * step;
}

static void test_pager_address_space__what_the_files_hold(void **state)
{
    (void)state;
    static const sb_read_mode modes[] = {SB_READ_MAP, SB_READ_CACHE};
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 2; i++) {
        fixture f;
        char directory[] = "sombra-test-XXXXXX";
        char names[3][64];
        assert_non_null(mkdtemp(directory));
        for (size_t j = 0; j < 3; j++)
            (void)snprintf(names[j], sizeof names[j], "%s/x%s", directory, suffixes[j]);
        sb_vfs *vfs = NULL;
        assert_int_equal(sb_vfs_posix_create(&sb_allocator_libc, &vfs, NULL), SB_OK);
        fixture_options(&f, vfs);
        f.options.read_mode = modes[i];
        fixture_open(&f, names[0]);
        CHECK(&f, fixture_put(&f, f.session, 1, 300, 1));
        CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_RESTART, NULL, &f.err));
        assert_true(fixture_reads(&f, f.session, 1, 300, 1)); /* in the main file */
        CHECK(&f, fixture_put(&f, f.session, 1, 300, 2));
        assert_true(fixture_reads(&f, f.session, 1, 300, 2)); /* in the WAL */
        for (size_t j = 0; j < 2; j++) {
            const uint64_t limit =
                modes[i] == SB_READ_CACHE ? 0 : steps_of(names[j], vfs->map_step_bytes);
            assert_int_equal(mapped(names[j]), limit);
        }
        assert_int_equal(mapped(names[2]), SB_SHM_BYTES);
        fixture_close(&f);
        for (size_t j = 0; j < 3; j++)
            assert_int_equal(mapped(names[j]), 0);
        sb_vfs_destroy(vfs);
        assert_int_equal(unlink(names[0]), 0);
        assert_int_equal(rmdir(directory), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_address_space__what_the_files_hold),
    };
    return cmocka_run_group_tests_name("pager_address_space", tests, NULL, NULL);
}
