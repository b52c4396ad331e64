/* test_names.c — one file, one WAL: whatever name a database is opened by, through symbolic links too, its commits are
 * seen, also those of a process that was killed. */
#include "pager_fixture.h"
#include "pager_image.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct place {
    char directory[64];
    char names[4][128];
} place;

static place make_place(void)
{
    static const char *const names[] = {"x", "link", "inner", "inner/far"};
    place p = {.directory = "sombra-test-XXXXXX"};
    assert_non_null(mkdtemp(p.directory));
    for (size_t i = 0; i < 4; i++)
        (void)snprintf(p.names[i], sizeof p.names[i], "%s/%s", p.directory, names[i]);
    assert_int_equal(mkdir(p.names[2], 0777), 0);
    return p;
}
static void remove_place(const place *p)
{
    char name[160];
    static const char *const suffixes[] = {"", "-wal", "-shm", "-making"};
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            (void)snprintf(name, sizeof name, "%s%s", p->names[j], suffixes[i]);
            (void)unlink(name);
        }
    }
    assert_int_equal(rmdir(p->names[2]), 0);
    assert_int_equal(rmdir(p->directory), 0);
}
static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_true(in != NULL && out != NULL);
    for (int byte = fgetc(in); byte != EOF; byte = fgetc(in))
        assert_int_equal(fputc(byte, out), byte);
    assert_int_equal(fclose(in) | fclose(out), 0);
}
static sb_vfs *make_vfs(void)
{
    sb_vfs *vfs = NULL;
    assert_int_equal(sb_vfs_posix_create(&sb_allocator_libc, &vfs, NULL), SB_OK);
    return vfs;
}

/* A process commits and ends without closing. */
static void commit_and_die(const char *path, uint32_t version)
{
    const pid_t child = fork();
    int result = 1;
    assert_true(child >= 0);
    if (child == 0) {
        fixture f;
        sb_vfs *vfs = NULL;
        if (sb_vfs_posix_create(&sb_allocator_libc, &vfs, NULL) != SB_OK) _exit(2);
        fixture_options(&f, vfs);
        if (sb_pager_open(path, &f.options, &f.pager, &f.err) != SB_OK ||
            sb_session_open(f.pager, &f.session, &f.err) != SB_OK ||
            fixture_put(&f, f.session, 1, 5, version) != SB_OK)
            _exit(3);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
}

static void check_sees(const char *path, uint32_t version, bool crash)
{
    fixture f;
    fixture_options(&f, make_vfs());
    fixture_open(&f, path);
    assert_true(fixture_reads(&f, f.session, 1, 5, version));
    if (crash) CHECK(&f, fixture_put(&f, f.session, 1, 5, version + 1));
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
}

static void test_pager_names__links_share_the_wal(void **state)
{
    (void)state;
    place p = make_place();
    assert_int_equal(symlink("x", p.names[1]), 0);       /* link → x */
    assert_int_equal(symlink("../link", p.names[3]), 0); /* inner/far → link → x */
    commit_and_die(p.names[0], 100);
    check_sees(p.names[1], 100, true);
    commit_and_die(p.names[3], 102);
    check_sees(p.names[0], 102, false);
    remove_place(&p);
}

static unsigned warnings; /* of hard links */

static void count_warning(void *ctx, sb_log_level level, const char *message)
{
    (void)ctx;
    warnings += level == SB_LOG_WARNING && strstr(message, "2 names (hard links)") != NULL;
}

/* A file with two names is told; in use by one it is not opened by the other, whatever lies there, and nothing is left behind. Then by
 * either, as long as the last close went well. */
static void test_pager_names__hard_links(void **state)
{
    (void)state;
    fixture f, other;
    place p = make_place();
    char shm[140], kept[140];
    (void)snprintf(shm, sizeof shm, "%s-shm", p.names[1]);
    (void)snprintf(kept, sizeof kept, "%s-shm", p.names[0]);
    fixture_options(&f, make_vfs());
    fixture_options(&other, make_vfs());
    f.options.log = other.options.log = count_warning;
    fixture_open(&f, p.names[0]);
    CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
    assert_int_equal(warnings, 0);
    assert_int_equal(link(p.names[0], p.names[1]), 0); /* while it is open */
    for (unsigned stale = 0; stale < 2; stale++) {
        /* The shared memory of the same file, left behind by a process that was killed. */
        if (stale) copy_file(kept, shm);
        assert_int_equal(sb_pager_open(p.names[1], &other.options, &other.pager, &other.err),
                         SB_BUSY);
        assert_non_null(strstr(other.err.text, "in use by another of its 2 names"));
        sb_err_clear(&other.err);
        assert_int_equal(warnings, stale + 1);
        assert_int_equal(access(shm, F_OK), stale ? 0 : -1);
    }
    fixture_open(&other, p.names[0]); /* the same name */
    assert_true(fixture_reads(&other, other.session, 1, 5, 100));
    fixture_close(&other);
    fixture_close(&f);
    fixture_open(&other, p.names[1]);
    assert_true(fixture_reads(&other, other.session, 1, 5, 100));
    fixture_close(&other);
    sb_vfs_destroy(f.vfs);
    sb_vfs_destroy(other.vfs);
    remove_place(&p);
}

/* A database whose file was renamed while it is open keeps WAL and shared memory of the old name: no other one gets that name until it
 * is closed. By the new name it is not opened meanwhile, and has everything afterwards. */
static void test_pager_names__renamed_while_open(void **state)
{
    (void)state;
    fixture f, other;
    place p = make_place();
    fixture_options(&f, make_vfs());
    fixture_options(&other, make_vfs());
    other.options.busy_timeout_ns = 1000000;
    for (uint32_t removed = 0; removed < 2; removed++) {
        fixture_open(&f, p.names[0]);
        CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
        if (removed)
            assert_int_equal(unlink(p.names[0]), 0);
        else
            assert_int_equal(rename(p.names[0], p.names[1]), 0);
        assert_int_equal(sb_pager_open(p.names[0], &other.options, &other.pager, &other.err),
                         SB_BUSY);
        assert_non_null(strstr(other.err.text, "was renamed or removed since, is still in use"));
        sb_err_clear(&other.err);
        if (!removed)
            assert_int_equal(sb_pager_open(p.names[1], &other.options, &other.pager, NULL),
                             SB_CORRUPT);
        CHECK(&f, fixture_put(&f, f.session, 1, 5, 101));
        fixture_close(&f);
        if (!removed) check_sees(p.names[1], 101, false);
        fixture_open(&other, p.names[0]);
        CHECK(&other, fixture_put(&other, other.session, 1, 5, 7));
        fixture_close(&other);
        check_sees(p.names[0], 7, false);
    }
    sb_vfs_destroy(f.vfs);
    sb_vfs_destroy(other.vfs);
    remove_place(&p);
}

/* A database all of whose files are removed while it is open, and a new one of that name: neither a write nor the close of the old one
 * touches what is the new one's, which has been killed, so that all of it is in its WAL. */
static void test_pager_names__removed_and_made_anew(void **state)
{
    (void)state;
    fixture f, other;
    char beside[2][140];
    place p = make_place();
    (void)snprintf(beside[0], sizeof beside[0], "%s-wal", p.names[0]);
    (void)snprintf(beside[1], sizeof beside[1], "%s-shm", p.names[0]);
    fixture_options(&f, make_vfs());
    fixture_options(&other, make_vfs());
    for (uint32_t wrote = 0; wrote < 2; wrote++) {
        fixture_open(&f, p.names[0]); /* its WAL is opened by the first write */
        if (wrote) CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
        assert_int_equal(unlink(p.names[0]), 0);
        assert_int_equal(unlink(beside[1]), 0);
        assert_int_equal(unlink(beside[0]), wrote ? 0 : -1);
        commit_and_die(p.names[0], 7);
        for (uint32_t i = 0; i < 3; i++)
            assert_int_equal(fixture_put(&f, f.session, 1, 5, 101 + i), wrote ? SB_OK : SB_CORRUPT);
        if (!wrote) assert_non_null(strstr(f.err.text, "removed or replaced"));
        sb_err_clear(&f.err);
        fixture_close(&f);
        assert_int_equal(access(beside[0], F_OK) | access(beside[1], F_OK), 0);
        fixture_open(&other, p.names[0]);
        assert_true(fixture_reads(&other, other.session, 1, 5, 7));
        fixture_close(&other);
        assert_int_equal(unlink(p.names[0]), 0);
    }
    sb_vfs_destroy(f.vfs);
    sb_vfs_destroy(other.vfs);
    remove_place(&p);
}

/* Through a link to nothing the file itself is made, and the link stays. */
/* Somebody brings back a backup, or a plain copy, by copying it over the file in use: what is back-filled, or written past the WAL, would make one
 * of neither database of it. */
static void check_copied_over(const char *from, const char *told)
{
    fixture f, other;
    sb_txn *txn = NULL;
    size_t bytes, left;
    fixture_options(&f, fixture_memory());
    fixture_open(&f, "x");
    CHECK(&f, fixture_put(&f, f.session, 1, 300, 1));
    CHECK(&f, sb_txn_begin_read(f.session, &txn, &f.err));
    CHECK(&f, sb_pager_backup(txn, f.vfs, "backup", NULL, NULL, &f.err));
    sb_txn_rollback(txn);
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_TRUNCATE, NULL, &f.err));
    uint8_t *copy = slurp(f.vfs, from, &bytes);
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 2));
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_TRUNCATE, NULL, &f.err));
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 3));
    spill_out(f.vfs, "x", copy, bytes);
    assert_int_equal(sb_pager_checkpoint(f.pager, SB_CHECKPOINT_PASSIVE, NULL, &f.err), SB_CORRUPT);
    assert_non_null(strstr(f.err.text, told));
    sb_err_clear(&f.err);
    assert_int_equal(fixture_put(&f, f.session, 301, 300, 4), SB_CORRUPT); /* past the WAL */
    sb_err_clear(&f.err);
    sb_session_close(f.session);
    assert_int_equal(sb_pager_close(f.pager, &f.err), SB_CORRUPT);
    sb_err_clear(&f.err);
    uint8_t *found = slurp(f.vfs, "x", &left);
    assert_int_equal(left, bytes);
    assert_memory_equal(found, copy, bytes);
    bool existed = false; /* the WAL is still there for whoever wants it */
    CHECK(&f, f.vfs->ops->remove(f.vfs, "x-wal", &existed, &f.err));
    assert_true(existed);
    fixture_options(&other, f.vfs);
    fixture_open(&other, "x");
    assert_true(fixture_reads(&other, other.session, 1, 300, 1));
    fixture_close(&other);
    sb_vfs_destroy(f.vfs);
    free(found);
    free(copy);
}
static void test_pager_names__copied_over_while_open(void **state)
{
    (void)state;
    check_copied_over("backup", "x: page 0 was replaced by that of another database");
    check_copied_over("x", "x: page 0 was replaced by that of an earlier state");
}

static void test_pager_names__made_through_a_link(void **state)
{
    (void)state;
    struct stat found;
    place p = make_place();
    assert_int_equal(symlink("x", p.names[1]), 0);
    assert_int_equal(symlink("../link", p.names[3]), 0);
    commit_and_die(p.names[3], 100);
    assert_int_equal(lstat(p.names[0], &found), 0);
    assert_true(S_ISREG(found.st_mode));
    assert_int_equal(lstat(p.names[1], &found), 0);
    assert_true(S_ISLNK(found.st_mode));
    check_sees(p.names[0], 100, false);
    remove_place(&p);
}

/* Both at once are users of one file. */
static void test_pager_names__two_names_at_once(void **state)
{
    (void)state;
    fixture real, other;
    place p = make_place();
    assert_int_equal(symlink("x", p.names[1]), 0);
    fixture_options(&real, make_vfs());
    fixture_options(&other, make_vfs());
    fixture_open(&real, p.names[0]);
    CHECK(&real, fixture_put(&real, real.session, 1, 5, 7));
    fixture_open(&other, p.names[1]);
    assert_true(fixture_reads(&other, other.session, 1, 5, 7));
    CHECK(&other, fixture_put(&other, other.session, 1, 5, 8));
    assert_true(fixture_reads(&real, real.session, 1, 5, 8));
    fixture_close(&real);
    fixture_close(&other);
    sb_vfs_destroy(real.vfs);
    sb_vfs_destroy(other.vfs);
    remove_place(&p);
}

/* Shared memory has room on the disk before it is touched: in a hole a full disk would kill the process. */
static void test_pager_names__shared_memory_has_room(void **state)
{
    (void)state;
    fixture f;
    struct stat found;
    char shm[160];
    place p = make_place();
    fixture_options(&f, make_vfs());
    fixture_open(&f, p.names[0]);
    (void)snprintf(shm, sizeof shm, "%s-shm", p.names[0]);
    assert_int_equal(stat(shm, &found), 0);
    assert_true((uint64_t)found.st_blocks * 512 >= (uint64_t)found.st_size);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    remove_place(&p);
}

/* Files of the system in a directory where no file can be made, on a disk that is full. */
static int deny_with; /* errno */
static sb_status (*real_open)(sb_vfs *, const char *, unsigned, sb_file **, sb_err *);
static sb_status open_denied(sb_vfs *vfs, const char *path, unsigned flags, sb_file **file,
                             sb_err *err)
{
    *file = NULL;
    if ((flags & SB_OPEN_CREATE) != 0)
        return SB_FAIL_OS(err, deny_with == ENOSPC ? SB_FULL : SB_CANT_OPEN, deny_with, "denied");
    return real_open(vfs, path, flags, file, err);
}

static void test_pager_names__no_place_for_shared_memory(void **state)
{
    (void)state;
    static const int causes[] = {EACCES, EROFS, ENOSPC};
    for (size_t i = 0; i < 3; i++) {
        fixture f;
        place p = make_place();
        commit_and_die(p.names[0], 100);
        sb_vfs *vfs = make_vfs();
        const sb_vfs_ops *ops = vfs->ops;
        sb_vfs_ops denying = *ops;
        real_open = ops->open;
        denying.open = open_denied;
        deny_with = causes[i];
        vfs->ops = &denying;
        fixture_options(&f, vfs);
        assert_int_equal(sb_pager_open(p.names[0], &f.options, &f.pager, &f.err),
                         causes[i] == ENOSPC ? SB_FULL : SB_READ_ONLY);
        f.options.read_only = true;
        sb_err_clear(&f.err);
        fixture_open(&f, p.names[0]);
        assert_true(fixture_reads(&f, f.session, 1, 5, 100));
        sb_pager_info info;
        CHECK(&f, sb_pager_get_info(f.pager, &info, &f.err));
        assert_true(info.wal_bytes > 0);
        fixture_close(&f);
        vfs->ops = ops;
        sb_vfs_destroy(vfs);
        check_sees(p.names[0], 100, false);
        remove_place(&p);
    }
}

/* What somebody has put beside the database, where it makes files of its own, leads nowhere: what the link points to stays as it is. */
static void test_pager_names__links_beside_are_not_followed(void **state)
{
    (void)state;
    static const char *const suffixes[] = {"-wal", "-shm", "-making"};
    for (size_t i = 0; i < 3; i++) {
        fixture f;
        char link[160], text[16] = "";
        place p = make_place();
        const bool is_new = i == 2;
        (void)snprintf(link, sizeof link, "%s%s", p.names[0], suffixes[i]);
        fixture_options(&f, make_vfs());
        if (!is_new) {
            fixture_open(&f, p.names[0]);
            fixture_close(&f);
        }
        FILE *file = fopen(p.names[1], "wb");
        assert_non_null(file);
        assert_int_equal(fputs("precious", file) >= 0 && fclose(file) == 0, 1);
        assert_int_equal(symlink("link", link), 0);
        assert_int_equal(sb_pager_open(p.names[0], &f.options, &f.pager, &f.err), SB_CANT_OPEN);
        assert_non_null(strstr(f.err.text, "is a symbolic link"));
        assert_int_equal(f.err.os_error, ELOOP);
        file = fopen(p.names[1], "rb");
        assert_non_null(file);
        assert_int_equal(fread(text, 1, sizeof text, file), 8);
        assert_int_equal(fclose(file), 0);
        assert_memory_equal(text, "precious", 8);
        assert_int_equal(unlink(link), 0);
        fixture_open(&f, p.names[0]);
        fixture_close(&f);
        sb_vfs_destroy(f.vfs);
        remove_place(&p);
    }
}

static mode_t mode_of(const char *path)
{
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    return found.st_mode & 0777;
}

/* WAL and shared memory, and what vacuum copies into, are for those who may read and write the database, whatever the umask says. */
static void test_pager_names__beside_as_the_file_itself(void **state)
{
    static const mode_t modes[] = {0600, 0640, 0660, 0666};
    (void)state;
    fixture f;
    sb_file *file = NULL;
    char beside[4][160];
    static const char *const suffixes[] = {"-wal", "-shm", "-vacuum-making", "-vacuum"};
    place p = make_place();
    for (size_t i = 0; i < 4; i++)
        (void)snprintf(beside[i], sizeof beside[i], "%s%s", p.names[0], suffixes[i]);
    const mode_t mask = umask(022);
    fixture_options(&f, make_vfs());
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        fixture_open(&f, p.names[0]); /* made anew: the umask's affair */
        assert_int_equal(mode_of(p.names[0]), i == 0 ? 0644 : modes[i - 1]);
        fixture_close(&f);
        assert_int_equal(chmod(p.names[0], modes[i]), 0);
        fixture_open(&f, p.names[0]);
        CHECK(&f, fixture_put(&f, f.session, 1, 5, 100));
        for (size_t j = 2; j < 4; j++) {
            CHECK(&f,
                  sb_vfs_open(f.vfs, beside[j], SB_OPEN_BESIDE | SB_OPEN_CREATE, &file, &f.err));
            sb_file_close(file);
        }
        for (size_t j = 0; j < 4; j++)
            assert_int_equal(mode_of(beside[j]), modes[i]);
        for (size_t j = 2; j < 4; j++)
            assert_int_equal(unlink(beside[j]), 0);
        fixture_close(&f);
    }
    (void)umask(mask);
    sb_vfs_destroy(f.vfs);
    remove_place(&p);
}

/* What a recovery works on is for itself alone, WAL and shared memory too: the database may be nobody else's to read. */
static void test_pager_names__salvage_is_private(void **state)
{
    (void)state;
    fixture f;
    char copy[3][160];
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    place p = make_place();
    for (size_t i = 0; i < 3; i++)
        (void)snprintf(copy[i], sizeof copy[i], "%s-salvage%s", p.names[0], suffixes[i]);
    fixture_options(&f, make_vfs());
    fixture_open(&f, p.names[0]);
    fixture_close(&f);
    commit_and_die(p.names[0], 99);
    const mode_t mask = umask(022);
    CHECK(&f, sb_pager_salvage(f.vfs, &sb_allocator_libc, p.names[0], copy[0], &f.err));
    f.options.forgive = f.options.read_only = true;
    fixture_open(&f, copy[0]);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(mode_of(copy[i]), 0600);
    fixture_close(&f);
    (void)umask(mask);
    for (size_t i = 0; i < 3; i++)
        (void)unlink(copy[i]);
    sb_vfs_destroy(f.vfs);
    remove_place(&p);
}

/* As user nobody, in a child: *wal as its first write leaves it. */
static void write_as_nobody(const char *path, const char *wal_path, struct stat *wal)
{
    int result = 0;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        fixture f;
        sb_vfs *vfs = NULL;
        if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0 ||
            sb_vfs_posix_create(&sb_allocator_libc, &vfs, NULL) != SB_OK)
            _exit(2);
        fixture_options(&f, vfs);
        if (sb_pager_open(path, &f.options, &f.pager, &f.err) != SB_OK ||
            sb_session_open(f.pager, &f.session, &f.err) != SB_OK ||
            fixture_put(&f, f.session, 1, 5, 100) != SB_OK)
            _exit(3);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_int_equal(stat(wal_path, wal), 0);
}

/* What root makes beside a file of somebody else is his; of a group that one can not have, nobody gets the rights. */
static void test_pager_names__beside_for_its_owner(void **state)
{
    (void)state;
    fixture f;
    struct stat wal;
    char wal_path[160], shm_path[160];
    if (geteuid() != 0) skip();
    place p = make_place();
    (void)snprintf(wal_path, sizeof wal_path, "%s-wal", p.names[0]);
    (void)snprintf(shm_path, sizeof shm_path, "%s-shm", p.names[0]);
    fixture_options(&f, make_vfs());
    fixture_open(&f, p.names[0]);
    fixture_close(&f);
    assert_int_equal(chown(p.directory, 65534, 65534), 0);
    assert_int_equal(chown(p.names[0], 65534, 4711), 0);
    commit_and_die(p.names[0], 99);
    assert_int_equal(stat(wal_path, &wal), 0);
    assert_int_equal(wal.st_uid, 65534);
    assert_int_equal(wal.st_gid, 4711);
    write_as_nobody(p.names[0], wal_path, &wal);
    static const mode_t modes[2][2] = {{0660, 0600}, {0664, 0644}};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(chmod(p.names[0], modes[i][0]), 0);
        assert_int_equal(unlink(wal_path) | unlink(shm_path), 0);
        write_as_nobody(p.names[0], wal_path, &wal);
        assert_int_equal(wal.st_gid, 65534);
        assert_int_equal(wal.st_mode & 0777, modes[i][1]);
    }
    sb_vfs_destroy(f.vfs);
    remove_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_names__links_share_the_wal),
        TEST(test_pager_names__hard_links),
        TEST(test_pager_names__renamed_while_open),
        TEST(test_pager_names__removed_and_made_anew),
        TEST(test_pager_names__copied_over_while_open),
        TEST(test_pager_names__made_through_a_link),
        TEST(test_pager_names__two_names_at_once),
        TEST(test_pager_names__shared_memory_has_room),
        TEST(test_pager_names__no_place_for_shared_memory),
        TEST(test_pager_names__links_beside_are_not_followed),
        TEST(test_pager_names__beside_as_the_file_itself),
        TEST(test_pager_names__salvage_is_private),
        TEST(test_pager_names__beside_for_its_owner),
    };
    return cmocka_run_group_tests_name("pager_names", tests, NULL, NULL);
}
