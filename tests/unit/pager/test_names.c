/* test_names.c — one file, one WAL: whatever name a database is opened by, through symbolic links too, its commits are
 * seen, also those of a process that was killed. */
#include "pager_fixture.h"

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
    static const char *const suffixes[] = {"", "-wal", "-shm", "-new"};
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            (void)snprintf(name, sizeof name, "%s%s", p->names[j], suffixes[i]);
            (void)unlink(name);
        }
    }
    assert_int_equal(rmdir(p->names[2]), 0);
    assert_int_equal(rmdir(p->directory), 0);
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

/* Through a link to nothing the file itself is made, and the link stays. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_names__links_share_the_wal),
        TEST(test_pager_names__made_through_a_link),
        TEST(test_pager_names__two_names_at_once),
    };
    return cmocka_run_group_tests_name("pager_names", tests, NULL, NULL);
}
