/* Goal: after a power loss the disk holds what was synced, and of the rest only what can be.
 * Method: small histories whose outcomes are known, and a random history checked against a model that
 * keeps every content that a sector has had since the last sync. */
#include "support/unit.h"

#include <stdlib.h>
#include <time.h>

#include "os/os.h"

static sb_counting_allocator memory;

static int setup(void **state)
{
    sb_vfs *vfs = NULL;

    sb_counting_allocator_init(&memory, &sb_allocator_libc);
    assert_int_equal(sb_vfs_crash_create(&memory.base, &vfs, NULL), SB_OK);
    *state = vfs;
    return 0;
}

static int teardown(void **state)
{
    sb_vfs_destroy((sb_vfs *)*state);
    assert_int_equal(memory.live_bytes, 0);
    return 0;
}

static sb_file *open_file(sb_vfs *vfs, const char *name, unsigned flags)
{
    sb_file *file = NULL;

    assert_int_equal(sb_vfs_open(vfs, name, flags, &file, NULL), SB_OK);
    return file;
}

static void put(sb_file *file, uint64_t offset, const char *text)
{
    assert_int_equal(sb_file_write_all(file, offset, text, strlen(text), NULL), SB_OK);
}

static void sync_file(sb_file *file)
{
    assert_int_equal(file->ops->sync(file, NULL), SB_OK);
}

static void sync_directory(sb_vfs *vfs, const char *path)
{
    assert_int_equal(vfs->ops->sync_directory(vfs, path, NULL), SB_OK);
}

static sb_vfs *reboot(sb_vfs *vfs, sb_crash_mode mode, uint64_t seed)
{
    sb_vfs *after = NULL;

    assert_int_equal(sb_vfs_crash_reboot(vfs, mode, seed, &after, NULL), SB_OK);
    assert_non_null(after);
    return after;
}

static bool exists(sb_vfs *vfs, const char *path)
{
    bool found = false;

    assert_int_equal(vfs->ops->exists(vfs, path, &found, NULL), SB_OK);
    return found;
}

static uint64_t size_of(sb_file *file)
{
    sb_file_info info;

    assert_int_equal(file->ops->info(file, &info, NULL), SB_OK);
    return info.bytes;
}

/* The file has exactly this content. */
static void expect_file(sb_vfs *vfs, const char *path, const char *text)
{
    char got[64] = {0};
    sb_file *file = open_file(vfs, path, SB_OPEN_READ_ONLY);

    assert_int_equal(size_of(file), strlen(text));
    assert_int_equal(sb_file_read_all(file, 0, got, strlen(text), NULL), SB_OK);
    assert_string_equal(got, text);
    sb_file_close(file);
}

/* A file that is there and synced. */
static sb_file *durable_file(sb_vfs *vfs, const char *name, const char *text)
{
    sb_file *file = open_file(vfs, name, SB_OPEN_CREATE);

    put(file, 0, text);
    sync_file(file);
    sync_directory(vfs, name);
    return file;
}

/* ---- Known histories --------------------------------------------------------------------------------- */

static void test_os_crash__only_synced_bytes_are_durable(void **state)
{
    sb_vfs *vfs = (sb_vfs *)*state;
    sb_file *file = durable_file(vfs, "a", "durable");
    sb_vfs *after;

    put(file, 0, "DUR");
    put(file, 7, " and more");
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 0);
    expect_file(after, "a", "durable");
    sb_vfs_destroy(after);
    after = reboot(vfs, SB_CRASH_KEEP_ALL, 0);
    expect_file(after, "a", "DURable and more");
    sb_vfs_destroy(after);
    assert_int_equal(file->ops->truncate(file, 3, NULL), SB_OK);
    sync_file(file);
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 0);
    expect_file(after, "a", "DUR");
    sb_vfs_destroy(after);
    sb_file_close(file);
}

/* What a failed sync should have written is read, but a later sync does not bring it; written again, it does. */
static void test_os_crash__failed_sync_forgets(void **state)
{
    sb_vfs *vfs = (sb_vfs *)*state;
    sb_file *file = durable_file(vfs, "a", "durable");
    sb_vfs *after;
    char got[8] = {0};

    put(file, 0, "DUR");
    sb_vfs_crash_state(vfs)->fail_sync_at = sb_vfs_crash_events(vfs) + 1;
    assert_int_equal(file->ops->sync(file, NULL), SB_IO);
    assert_int_equal(sb_file_read_all(file, 0, got, 7, NULL), SB_OK);
    assert_string_equal(got, "DURable");
    put(file, 7, "!");
    sync_file(file);
    after = reboot(vfs, SB_CRASH_KEEP_ALL, 0);
    expect_file(after, "a", "durable!");
    sb_vfs_destroy(after);
    put(file, 0, "DUR");
    sync_file(file);
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 0);
    expect_file(after, "a", "DURable!");
    sb_vfs_destroy(after);
    sb_file_close(file);
}

static void test_os_crash__names_need_a_directory_sync(void **state)
{
    sb_vfs *vfs = (sb_vfs *)*state;
    sb_file *file = open_file(vfs, "d/a", SB_OPEN_CREATE);
    sb_vfs *after;
    bool existed;

    put(file, 0, "x");
    sync_file(file);
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 0);
    assert_false(exists(after, "d/a"));
    sb_vfs_destroy(after);
    sync_directory(vfs, "elsewhere/a");
    sync_directory(vfs, "dd/a");
    sync_directory(vfs, "a");
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 0);
    assert_false(exists(after, "d/a"));
    sb_vfs_destroy(after);
    sync_directory(vfs, "d/any");
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 0);
    expect_file(after, "d/a", "x");
    sb_vfs_destroy(after);
    sb_file_close(file);
    /* With the knob, its own sync is enough. */
    sb_vfs_crash_state(vfs)->create_needs_dir_sync = false;
    file = open_file(vfs, "d/b", SB_OPEN_CREATE);
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 0);
    assert_false(exists(after, "d/b"));
    sb_vfs_destroy(after);
    sync_file(file);
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 0);
    assert_true(exists(after, "d/b"));
    assert_false(sb_vfs_crash_state(after)->create_needs_dir_sync);
    sb_vfs_destroy(after);
    sb_file_close(file);
    /* The removal of the name's last owner does not come behind it. */
    assert_int_equal(vfs->ops->remove(vfs, "d/b", &existed, NULL), SB_OK);
    file = open_file(vfs, "d/b", SB_OPEN_CREATE);
    put(file, 0, "y");
    sync_file(file);
    sync_directory(vfs, "d/any");
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 0);
    expect_file(after, "d/b", "y");
    sb_vfs_destroy(after);
    sb_file_close(file);
}

static void test_os_crash__removes_and_renames_come_back(void **state)
{
    sb_vfs *vfs = (sb_vfs *)*state;
    sb_vfs *after;
    bool existed;

    sb_file_close(durable_file(vfs, "a", "first"));
    sb_file_close(durable_file(vfs, "b", "second"));
    assert_int_equal(vfs->ops->rename(vfs, "b", "a", NULL), SB_EXISTS);
    assert_int_equal(vfs->ops->remove(vfs, "a", &existed, NULL), SB_OK);
    assert_int_equal(vfs->ops->rename(vfs, "b", "a", NULL), SB_OK);
    expect_file(vfs, "a", "second");
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 0);
    expect_file(after, "a", "first");
    expect_file(after, "b", "second");
    sb_vfs_destroy(after);
    after = reboot(vfs, SB_CRASH_KEEP_ALL, 0);
    expect_file(after, "a", "second");
    assert_false(exists(after, "b"));
    sb_vfs_destroy(after);
    sync_directory(vfs, "a");
    assert_int_equal(vfs->ops->remove(vfs, "a", &existed, NULL), SB_OK);
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 0);
    expect_file(after, "a", "second");
    assert_false(exists(after, "b"));
    sb_vfs_destroy(after);
    after = reboot(vfs, SB_CRASH_KEEP_ALL, 0);
    assert_false(exists(after, "a"));
    sb_vfs_destroy(after);
    /* Made anew under the old name: the new one survives only with the directory. */
    sb_file_close(open_file(vfs, "a", SB_OPEN_CREATE));
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 0);
    expect_file(after, "a", "second");
    sb_vfs_destroy(after);
    sync_directory(vfs, "a");
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 0);
    expect_file(after, "a", "");
    sb_vfs_destroy(after);
}

static void test_os_crash__everything_fails_after_the_cut(void **state)
{
    sb_vfs *vfs = (sb_vfs *)*state;
    sb_file *file = durable_file(vfs, "a", "durable"); /* events 1 to 4 */
    sb_file *other = NULL;
    sb_file_info info;
    sb_vfs *after;
    void *map = NULL;
    void *second = NULL;
    char byte;
    bool flag;

    assert_int_equal(sb_vfs_crash_events(vfs), 4);
    assert_int_equal(file->ops->map(file, 0, vfs->map_step_bytes, false, &map, NULL), SB_OK);
    sb_vfs_crash_set_cut(vfs, 6);
    put(file, 0, "D");
    assert_int_equal(sb_file_write_all(file, 1, "U", 1, NULL), SB_IO);
    assert_int_equal(sb_vfs_crash_events(vfs), 6);
    assert_int_equal(sb_file_write_all(file, 1, "U", 1, NULL), SB_IO);
    assert_int_equal(sb_vfs_crash_events(vfs), 6);
    assert_int_equal(sb_file_read_all(file, 0, &byte, 1, NULL), SB_IO);
    assert_int_equal(file->ops->sync(file, NULL), SB_IO);
    assert_int_equal(file->ops->truncate(file, 0, NULL), SB_IO);
    assert_int_equal(file->ops->info(file, &info, NULL), SB_IO);
    assert_int_equal(file->ops->map(file, 0, vfs->map_step_bytes, false, &second, NULL), SB_IO);
    assert_int_equal(sb_vfs_open(vfs, "a", 0, &other, NULL), SB_IO);
    assert_int_equal(sb_vfs_open(vfs, "b", SB_OPEN_CREATE, &other, NULL), SB_IO);
    assert_int_equal(vfs->ops->open_temporary(vfs, NULL, &other, NULL), SB_IO);
    assert_int_equal(vfs->ops->remove(vfs, "a", &flag, NULL), SB_IO);
    assert_int_equal(vfs->ops->rename(vfs, "a", "b", NULL), SB_IO);
    assert_int_equal(vfs->ops->exists(vfs, "a", &flag, NULL), SB_IO);
    assert_int_equal(vfs->ops->directory_writable(vfs, "a", &flag, NULL), SB_IO);
    assert_int_equal(vfs->ops->sync_directory(vfs, "a", NULL), SB_IO);
    assert_int_equal(vfs->ops->random(vfs, &byte, 1, NULL), SB_IO);
    assert_int_equal(file->ops->lock(file, 0, 1, SB_LOCK_EXCLUSIVE, &flag, NULL), SB_OK);
    assert_int_equal(file->ops->lock(file, 0, 1, SB_LOCK_NONE, &flag, NULL), SB_OK);
    assert_memory_equal(map, "Durable", 7);
    file->ops->unmap(file, map, vfs->map_step_bytes);
    after = reboot(vfs, SB_CRASH_KEEP_ALL, 0);
    expect_file(after, "a", "Durable");
    assert_int_equal(sb_vfs_crash_events(after), 0);
    sb_vfs_destroy(after);
    sb_file_close(file);
}

static void test_os_crash__a_cut_sync_has_no_effect(void **state)
{
    sb_vfs *vfs = (sb_vfs *)*state;
    sb_file *file = durable_file(vfs, "a", "old");
    sb_vfs *after;

    put(file, 0, "new");
    sb_vfs_crash_set_cut(vfs, sb_vfs_crash_events(vfs) + 1);
    assert_int_equal(file->ops->sync(file, NULL), SB_IO);
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 0);
    expect_file(after, "a", "old");
    sb_vfs_destroy(after);
    sb_file_close(file);
}

static void test_os_crash__mapped_writes_are_never_durable(void **state)
{
    sb_vfs *vfs = (sb_vfs *)*state;
    sb_file *file = open_file(vfs, "shm", SB_OPEN_CREATE);
    sb_vfs *after;
    char got[8];
    void *map;

    assert_int_equal(file->ops->truncate(file, 8, NULL), SB_OK);
    assert_int_equal(file->ops->map(file, 0, vfs->map_step_bytes, true, &map, NULL), SB_OK);
    memcpy(map, "mapped!!", 8);
    sync_file(file);
    sync_directory(vfs, "shm");
    after = reboot(vfs, SB_CRASH_KEEP_ALL, 0);
    file->ops->unmap(file, map, vfs->map_step_bytes);
    sb_file_close(file);
    file = open_file(after, "shm", 0);
    assert_int_equal(sb_file_read_all(file, 0, got, 8, NULL), SB_OK);
    assert_memory_equal(got, "\0\0\0\0\0\0\0\0", 8);
    sb_file_close(file);
    sb_vfs_destroy(after);
}

static void test_os_crash__repeats_exactly(void **state)
{
    sb_vfs *vfs = (sb_vfs *)*state;
    sb_vfs *twin = NULL;
    sb_vfs *after;
    uint64_t a[3];
    uint64_t b[3];

    assert_int_equal(sb_vfs_crash_create(&memory.base, &twin, NULL), SB_OK);
    assert_int_equal(vfs->ops->random(vfs, a, sizeof a, NULL), SB_OK);
    assert_int_equal(twin->ops->random(twin, b, sizeof b, NULL), SB_OK);
    assert_memory_equal(a, b, sizeof a);
    assert_true(vfs->ops->wall_ns(vfs) == twin->ops->wall_ns(twin));
    after = reboot(vfs, SB_CRASH_LOSE_ALL, 7);
    assert_int_equal(after->ops->random(after, b, sizeof b, NULL), SB_OK);
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(after->ops->wall_ns(after) > vfs->ops->wall_ns(vfs));
    sb_vfs_destroy(after);
    sb_vfs_destroy(twin);
}

/* ---- Chance ------------------------------------------------------------------------------------------ */

/* Two unsynced sectors: all four outcomes come, and nothing but them. */
static void test_os_crash__sectors_survive_independently(void **state)
{
    enum { SECTOR = 512, SEEDS = 400 };
    sb_vfs *vfs = (sb_vfs *)*state;
    sb_file *file = open_file(vfs, "a", SB_OPEN_CREATE);
    uint8_t data[2 * SECTOR];
    unsigned outcomes[2][2] = {{0}};
    uint64_t seed;

    memset(data, 'o', sizeof data);
    assert_int_equal(sb_file_write_all(file, 0, data, sizeof data, NULL), SB_OK);
    sync_file(file);
    sync_directory(vfs, "a");
    memset(data, 'n', sizeof data);
    assert_int_equal(sb_file_write_all(file, 0, data, sizeof data, NULL), SB_OK);
    for (seed = 0; seed < SEEDS; seed++) {
        sb_vfs *after = reboot(vfs, SB_CRASH_RANDOM, seed);
        sb_file *left = open_file(after, "a", 0);
        uint8_t got[2 * SECTOR];
        size_t i;
        assert_int_equal(sb_file_read_all(left, 0, got, sizeof got, NULL), SB_OK);
        for (i = 0; i < sizeof got; i++)
            assert_int_equal(got[i], got[i / SECTOR * SECTOR]); /* a sector is never torn */
        assert_true(got[0] == 'o' || got[0] == 'n');
        assert_true(got[SECTOR] == 'o' || got[SECTOR] == 'n');
        outcomes[got[0] == 'n'][got[SECTOR] == 'n']++;
        sb_file_close(left);
        sb_vfs_destroy(after);
    }
    assert_true(outcomes[0][0] > SEEDS / 20 && outcomes[1][1] > SEEDS / 20);
    assert_true(outcomes[0][1] > SEEDS / 40 && outcomes[1][0] > SEEDS / 40);
    sb_file_close(file);
}

/* Four contents and four sizes since the sync: each of them comes, in any combination. */
static void test_os_crash__any_version_survives(void **state)
{
    enum { SEEDS = 400, OPS = 3 };
    sb_vfs *vfs = (sb_vfs *)*state;
    sb_file *file = durable_file(vfs, "a", "0");
    unsigned contents[OPS + 1] = {0};
    unsigned sizes[OPS + 1] = {0};
    uint64_t seed;
    unsigned i;

    for (i = 1; i <= OPS; i++) {
        const char digits[] = {(char)('0' + i), 0};
        put(file, 0, digits);
        put(file, i, ".");
    }
    for (seed = 0; seed < SEEDS; seed++) {
        sb_vfs *after = reboot(vfs, SB_CRASH_RANDOM, seed);
        sb_file *left = open_file(after, "a", 0);
        const uint64_t size = size_of(left);
        char first;
        assert_int_equal(sb_file_read_all(left, 0, &first, 1, NULL), SB_OK);
        assert_in_range(first, '0', '0' + OPS);
        assert_in_range(size, 1, 1 + OPS);
        contents[first - '0']++;
        sizes[size - 1]++;
        sb_file_close(left);
        sb_vfs_destroy(after);
    }
    for (i = 0; i <= OPS; i++)
        assert_true(contents[i] >= SEEDS / 80 && sizes[i] >= SEEDS / 80);
    sb_file_close(file);
}

static void test_os_crash__garbage_stays_in_the_torn_write(void **state)
{
    enum { SECTOR = 512, SECTORS = 8, SEEDS = 200 };
    sb_vfs *vfs = (sb_vfs *)*state;
    sb_file *file = open_file(vfs, "a", SB_OPEN_CREATE);
    uint8_t data[SECTORS * SECTOR];
    unsigned spoiled_files = 0;
    unsigned begun = 0;
    uint64_t seed;

    memset(data, 'o', sizeof data);
    assert_int_equal(sb_file_write_all(file, 0, data, sizeof data, NULL), SB_OK);
    sync_file(file);
    sync_directory(vfs, "a");
    sb_vfs_crash_set_cut(vfs, sb_vfs_crash_events(vfs) + 1);
    memset(data, 'n', sizeof data);
    assert_int_equal(sb_file_write_all(file, 2 * SECTOR + 100, data, 2 * SECTOR, NULL), SB_IO);
    for (seed = 0; seed < SEEDS; seed++) {
        sb_vfs *after = reboot(vfs, SB_CRASH_GARBAGE, seed);
        sb_vfs *strict = reboot(vfs, SB_CRASH_RANDOM, seed);
        sb_file *left = open_file(after, "a", 0);
        uint8_t got[SECTORS * SECTOR];
        unsigned spoiled = 0;
        size_t sector;
        assert_int_equal(sb_file_read_all(left, 0, got, sizeof got, NULL), SB_OK);
        for (sector = 0; sector < SECTORS; sector++) {
            size_t others = 0;
            size_t i;
            for (i = 0; i < SECTOR; i++)
                others += got[sector * SECTOR + i] != 'o';
            if (sector < 2 || sector > 4) assert_int_equal(others, 0);
            for (others = 0, i = 0; i < SECTOR; i++)
                others += got[sector * SECTOR + i] != 'o' && got[sector * SECTOR + i] != 'n';
            spoiled += others > 0;
            begun += sector == 3 && got[sector * SECTOR] == 'n';
        }
        assert_true(spoiled <= 1);
        spoiled_files += spoiled;
        sb_file_close(left);
        left = open_file(strict, "a", 0); /* RANDOM: the cut write never began */
        assert_int_equal(sb_file_read_all(left, 0, got, sizeof got, NULL), SB_OK);
        memset(data, 'o', sizeof data);
        assert_memory_equal(got, data, sizeof got);
        sb_file_close(left);
        sb_vfs_destroy(strict);
        sb_vfs_destroy(after);
    }
    assert_true(spoiled_files > SEEDS / 2 && spoiled_files < SEEDS);
    assert_true(begun > SEEDS / 20);
    sb_file_close(file);
}

/* A random history. The model keeps the whole file after each op since the last sync: every sector that
 * survives must be that sector in one of them, every size one of their sizes. */
enum { MODEL_BYTES = 16384, MODEL_OPS = 12 };
typedef struct model {
    uint8_t bytes[MODEL_OPS + 1][MODEL_BYTES]; /* [0]: durable; zeros past the size */
    uint64_t sizes[MODEL_OPS + 1];
    size_t ops;
} model;

static void model_op(model *m, sb_random *random, sb_file *file)
{
    const size_t offset = (size_t)sb_random_below(random, MODEL_BYTES);
    size_t bytes = 1 + (size_t)sb_random_below(random, 3000);
    uint8_t *now = m->bytes[m->ops + 1];
    uint8_t data[3000];
    size_t i;

    memcpy(now, m->bytes[m->ops], MODEL_BYTES);
    m->sizes[m->ops + 1] = m->sizes[m->ops];
    m->ops++;
    if (sb_random_below(random, 4) == 0) {
        memset(now + offset, 0, MODEL_BYTES - offset);
        m->sizes[m->ops] = offset;
        assert_int_equal(file->ops->truncate(file, offset, NULL), SB_OK);
        return;
    }
    if (bytes > MODEL_BYTES - offset) bytes = MODEL_BYTES - offset;
    for (i = 0; i < bytes; i++)
        data[i] = (uint8_t)sb_random_next(random);
    memcpy(now + offset, data, bytes);
    if (offset + bytes > m->sizes[m->ops]) m->sizes[m->ops] = offset + bytes;
    assert_int_equal(sb_file_write_all(file, offset, data, bytes, NULL), SB_OK);
}

/* Is that part of a sector what it was after one of the ops? Past the surviving size there are zeros. */
static bool sector_possible(const model *m, const uint8_t *got, size_t from, size_t bytes)
{
    size_t op;

    for (op = 0; op <= m->ops; op++)
        if (memcmp(m->bytes[op] + from, got + from, bytes) == 0) return true;
    return false;
}

static void check_outcome(const model *m, sb_vfs *after, sb_crash_mode mode, size_t sector_bytes)
{
    static uint8_t got[MODEL_BYTES];
    sb_file *file = open_file(after, "a", 0);
    const uint64_t size = size_of(file);
    const size_t known = mode == SB_CRASH_LOSE_ALL ? 0 : m->ops;
    bool size_possible = false;
    size_t from;
    size_t op;

    memset(got, 0, sizeof got);
    assert_int_equal(sb_file_read_all(file, 0, got, (size_t)size, NULL), SB_OK);
    sb_file_close(file);
    for (op = 0; op <= m->ops; op++)
        size_possible = size_possible || m->sizes[op] == size;
    assert_true(size_possible);
    if (mode == SB_CRASH_RANDOM) {
        for (from = 0; from < size; from += sector_bytes) {
            const size_t left = (size_t)size - from;
            assert_true(sector_possible(m, got, from, left < sector_bytes ? left : sector_bytes));
        }
        return;
    }
    assert_int_equal(size, m->sizes[known]);
    assert_memory_equal(got, m->bytes[known], MODEL_BYTES);
}

static void test_os_crash__random_history_follows_the_model(void **state)
{
    sb_vfs *vfs = (sb_vfs *)*state;
    sb_random random = test_random(4711);
    model *m = (model *)calloc(1, sizeof *m);
    unsigned round;
    sb_file *file;

    assert_non_null(m);
    file = open_file(vfs, "a", SB_OPEN_CREATE);
    sync_directory(vfs, "a");
    for (round = 0; round < 300; round++) {
        const size_t ops = (size_t)sb_random_below(&random, MODEL_OPS + 1);
        const sb_crash_mode mode = (sb_crash_mode)sb_random_below(&random, 3);
        const size_t sector_bytes = (size_t)512 << sb_random_below(&random, 3);
        uint64_t seed = sb_random_next(&random);
        sb_vfs *after;
        sb_vfs *again;
        sb_vfs_crash_state(vfs)->sector_bytes = sector_bytes;
        while (m->ops < ops)
            model_op(m, &random, file);
        after = reboot(vfs, mode, seed);
        check_outcome(m, after, mode, sector_bytes);
        again = reboot(after, SB_CRASH_LOSE_ALL, 0); /* what survived is durable */
        check_outcome(m, again, mode, sector_bytes);
        sb_vfs_destroy(again);
        sb_vfs_destroy(after);
        sync_file(file);
        memcpy(m->bytes[0], m->bytes[m->ops], MODEL_BYTES);
        m->sizes[0] = m->sizes[m->ops];
        m->ops = 0;
    }
    sb_file_close(file);
    free(m);
}

/* A sweep reboots thousands of times: a megabyte and hundreds of unsynced writes must cost milliseconds. */
static void test_os_crash__reboots_quickly(void **state)
{
    enum { WRITES = 20000, UNSYNCED = 500, PAGE = 4096, PAGES = 512, REBOOTS = 50 };
    sb_vfs *vfs = (sb_vfs *)*state;
    sb_file *file = durable_file(vfs, "a", "start");
    static uint8_t page[PAGE];
    sb_random random = {.state = 3};
    const clock_t start = clock();
    double seconds;
    unsigned i;

    for (i = 0; i < WRITES; i++) {
        memset(page, (int)(i & 255), sizeof page);
        assert_int_equal(
            sb_file_write_all(file, sb_random_below(&random, PAGES) * PAGE, page, PAGE, NULL),
            SB_OK);
        if (i < WRITES - UNSYNCED && i % 10 == 0) sync_file(file);
    }
    for (i = 0; i < REBOOTS; i++)
        sb_vfs_destroy(reboot(vfs, SB_CRASH_RANDOM, i));
    seconds = (double)(clock() - start) / (double)CLOCKS_PER_SEC;
    print_message("%u writes and %u reboots: %.3f s\n", WRITES, REBOOTS, seconds);
    assert_true(seconds < 10.0); /* 0.1 s on a laptop of 2024; sanitizers take ten times that */
    sb_file_close(file);
}

static void test_os_crash__reboot_survives_no_memory(void **state)
{
    sb_vfs *vfs = (sb_vfs *)*state;
    sb_file *file = durable_file(vfs, "a", "durable");
    sb_vfs *after = NULL;
    size_t live;
    size_t n;
    sb_status st = SB_NOMEM;

    put(file, 100000, "not yet");
    sb_file_close(open_file(vfs, "b", SB_OPEN_CREATE));
    live = memory.live_bytes;
    for (n = 1; st != SB_OK; n++) {
        memory.fail_at = memory.alloc_count + n;
        st = sb_vfs_crash_reboot(vfs, SB_CRASH_RANDOM, 1, &after, NULL);
        if (st == SB_OK) break;
        assert_int_equal(st, SB_NOMEM);
        assert_null(after);
        assert_int_equal(memory.live_bytes, live);
        assert_true(n < 1000);
    }
    memory.fail_at = 0;
    assert_true(n > 5);
    sb_vfs_destroy(after);
    sb_file_close(file);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_os_crash__##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(only_synced_bytes_are_durable),
        CASE(failed_sync_forgets),
        CASE(names_need_a_directory_sync),
        CASE(removes_and_renames_come_back),
        CASE(everything_fails_after_the_cut),
        CASE(a_cut_sync_has_no_effect),
        CASE(mapped_writes_are_never_durable),
        CASE(repeats_exactly),
        CASE(sectors_survive_independently),
        CASE(any_version_survives),
        CASE(garbage_stays_in_the_torn_write),
        CASE(random_history_follows_the_model),
        CASE(reboots_quickly),
        CASE(reboot_survives_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
