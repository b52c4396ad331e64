/* test_holders.c — a lock that is waited for in vain names the process that has it, whichever lock it is, and whoever waits. A child holds one
 * byte of the file, as docs/format/file.md lists them; its number must be in the message. */
#include "pager_fixture.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pager/pager_priv.h"
#include "support/child.h"

typedef struct place {
    char directory[64];
    char name[96], moved[96];
} place;

static place make_place(void)
{
    place p = {.directory = "sombra-test-XXXXXX"};
    assert_non_null(mkdtemp(p.directory));
    (void)snprintf(p.name, sizeof p.name, "%s/x", p.directory);
    (void)snprintf(p.moved, sizeof p.moved, "%s/y", p.directory);
    return p;
}

static void remove_place(const place *p)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-making"};
    char name[128];
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(name, sizeof name, "%s%s", p->name, suffixes[i]);
        (void)unlink(name);
    }
    (void)unlink(p->moved);
    assert_int_equal(rmdir(p->directory), 0);
}

static sb_vfs *make_vfs(void)
{
    sb_vfs *vfs = NULL;
    assert_int_equal(sb_vfs_posix_create(&sb_allocator_libc, &vfs, NULL), SB_OK);
    return vfs;
}

/* A child that has the lock until it is killed. */
static pid_t hold(const char *path, uint64_t byte, sb_lock_kind kind)
{
    int ready[2];
    char answer = 0;
    assert_int_equal(pipe(ready), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        sb_vfs *vfs = NULL;
        sb_file *file = NULL;
        bool taken = false;
        if (sb_vfs_posix_create(&sb_allocator_libc, &vfs, NULL) != SB_OK ||
            sb_vfs_open(vfs, path, SB_OPEN_CREATE, &file, NULL) != SB_OK ||
            file->ops->lock(file, byte, 1, kind, &taken, NULL) != SB_OK || !taken ||
            write(ready[1], "x", 1) != 1)
            _exit(3);
        for (;;)
            (void)pause();
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &answer, 1), 1);
    (void)close(ready[0]);
    return pid;
}

static void check_named(fixture *f, sb_status st, pid_t pid)
{
    char text[64];
    (void)snprintf(text, sizeof text, " process %d (", (int)pid);
    assert_int_equal(st, SB_BUSY);
    if (strstr(f->err.text, text) == NULL) fail_msg("%s: process %d", f->err.text, (int)pid);
    child_end(pid);
    sb_err_clear(&f->err);
}

static void test_pager_holders__open(void **state)
{
    (void)state;
    fixture f;
    const place p = make_place();
    fixture_options(&f, make_vfs());
    pid_t pid = hold(p.name, SB_LOCK_OPEN, SB_LOCK_EXCLUSIVE);
    check_named(&f, sb_pager_open(p.name, &f.options, &f.pager, &f.err), pid);
    assert_int_equal(unlink(p.name), 0);
    char making[112];
    (void)snprintf(making, sizeof making, "%s-making", p.name);
    pid = hold(making, SB_LOCK_MAKER, SB_LOCK_EXCLUSIVE);
    check_named(&f, sb_pager_open(p.name, &f.options, &f.pager, &f.err), pid);
    pid = child_in_transaction(p.name, &f.options, false);
    assert_int_equal(rename(p.name, p.moved), 0);
    check_named(&f, sb_pager_open(p.name, &f.options, &f.pager, &f.err), pid);
    sb_vfs_destroy(f.vfs);
    remove_place(&p);
}

static void test_pager_holders__write(void **state)
{
    (void)state;
    fixture f;
    const place p = make_place();
    fixture_options(&f, make_vfs());
    fixture_open(&f, p.name);
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 1));
    /* It has the lock and has not said so yet. */
    pid_t pid = hold(p.name, SB_LOCK_WRITER, SB_LOCK_EXCLUSIVE);
    check_named(&f, fixture_put(&f, f.session, 1, 5, 2), pid);
    pid = child_in_transaction(p.name, &f.options, true);
    check_named(&f, fixture_put(&f, f.session, 1, 5, 2), pid);
    CHECK(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_RESTART, NULL, &f.err));
    pid = hold(p.name, SB_LOCK_GUARD, SB_LOCK_SHARED);
    check_named(&f, fixture_put(&f, f.session, 1, 5, 2), pid);
    assert_true(fixture_reads(&f, f.session, 1, 20, 1));
    fixture_close(&f);
    f.options.durability = SB_DURABLE_OFF;
    fixture_open(&f, p.name);
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 3));
    CHECK(&f, sb_pager_set_durability(f.pager, SB_DURABLE_NORMAL, &f.err));
    pid = hold(p.name, SB_LOCK_CHECKPOINT, SB_LOCK_EXCLUSIVE);
    check_named(&f, fixture_put(&f, f.session, 1, 20, 4), pid);
    assert_true(fixture_reads(&f, f.session, 1, 20, 3));
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    remove_place(&p);
}

static void test_pager_holders__checkpoint(void **state)
{
    (void)state;
    fixture f;
    const place p = make_place();
    fixture_options(&f, make_vfs());
    fixture_open(&f, p.name);
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 1));
    pid_t pid = hold(p.name, SB_LOCK_CHECKPOINT, SB_LOCK_EXCLUSIVE);
    check_named(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_FULL, NULL, &f.err), pid);
    pid = hold(p.name, SB_LOCK_GUARD, SB_LOCK_SHARED);
    check_named(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_FULL, NULL, &f.err), pid);
    pid = hold(p.name, SB_LOCK_WRITER, SB_LOCK_EXCLUSIVE);
    check_named(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_FULL, NULL, &f.err), pid);
    pid = child_in_transaction(p.name, &f.options, false);
    check_named(&f, sb_pager_checkpoint(f.pager, SB_CHECKPOINT_RESTART, NULL, &f.err), pid);
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    remove_place(&p);
}

/* A directory in which no file can be made. */
static sb_status (*real_open)(sb_vfs *, const char *, unsigned, sb_file **, sb_err *);
static sb_status open_denied(sb_vfs *vfs, const char *path, unsigned flags, sb_file **file,
                             sb_err *err)
{
    *file = NULL;
    if ((flags & SB_OPEN_CREATE) != 0)
        return SB_FAIL_OS(err, SB_CANT_OPEN, EACCES, "%s: denied", path);
    return real_open(vfs, path, flags, file, err);
}

static void test_pager_holders__reader_without_slot(void **state)
{
    (void)state;
    fixture f;
    sb_txn *txn = NULL;
    const place p = make_place();
    sb_vfs *vfs = make_vfs();
    const sb_vfs_ops *ops = vfs->ops;
    sb_vfs_ops denying = *ops;
    fixture_options(&f, vfs);
    fixture_open(&f, p.name);
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 1));
    fixture_close(&f);
    real_open = ops->open;
    denying.open = open_denied;
    vfs->ops = &denying;
    f.options.read_only = true;
    fixture_open(&f, p.name);
    const pid_t pid = hold(p.name, SB_LOCK_GUARD, SB_LOCK_EXCLUSIVE);
    check_named(&f, sb_txn_begin_read(f.session, &txn, &f.err), pid);
    assert_true(fixture_reads(&f, f.session, 1, 20, 1));
    fixture_close(&f);
    vfs->ops = ops;
    sb_vfs_destroy(vfs);
    remove_place(&p);
}

/* The writer was killed, and a child that it had forked lives on with its lock. */
static void test_pager_holders__child_of_a_dead_writer(void **state)
{
    (void)state;
    fixture f;
    int told[2];
    pid_t heir = 0;
    const place p = make_place();
    fixture_options(&f, make_vfs());
    fixture_open(&f, p.name);
    assert_int_equal(pipe(told), 0);
    const pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        fixture own;
        sb_txn *txn = NULL;
        fixture_options(&own, f.vfs);
        if (sb_pager_open(p.name, &own.options, &own.pager, NULL) != SB_OK ||
            sb_session_open(own.pager, &own.session, NULL) != SB_OK ||
            sb_txn_begin_write(own.session, &txn, NULL) != SB_OK)
            _exit(3);
        const pid_t child = fork();
        if (child > 0 && write(told[1], &child, sizeof child) != (ssize_t)sizeof child) _exit(4);
        for (;;)
            (void)pause();
    }
    (void)close(told[1]);
    assert_int_equal(read(told[0], &heir, sizeof heir), (int)sizeof heir);
    (void)close(told[0]);
    child_end(writer);
    char text[64];
    (void)snprintf(text, sizeof text, " process %d (", (int)heir);
    assert_int_equal(fixture_put(&f, f.session, 1, 1, 1), SB_BUSY);
    if (strstr(f.err.text, text) == NULL) fail_msg("%s: process %d", f.err.text, (int)heir);
    assert_int_equal(kill(heir, SIGKILL), 0);
    sb_err_clear(&f.err);
    while (fixture_put(&f, f.session, 1, 1, 1) ==
           SB_BUSY) /* until the system has closed its files */
        sb_err_clear(&f.err);
    assert_true(fixture_reads(&f, f.session, 1, 1, 1));
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    remove_place(&p);
}

/* Two handles in one process: it is this one, and no number is looked for. */
static void test_pager_holders__this_process(void **state)
{
    (void)state;
    fixture f, other;
    sb_txn *txn = NULL;
    const place p = make_place();
    fixture_options(&f, make_vfs());
    fixture_options(&other, make_vfs());
    fixture_open(&f, p.name);
    fixture_open(&other, p.name);
    CHECK(&f, sb_txn_begin_write(f.session, &txn, &f.err));
    assert_int_equal(fixture_put(&other, other.session, 1, 1, 1), SB_BUSY);
    assert_non_null(strstr(other.err.text, "another writer of this process"));
    sb_txn_rollback(txn);
    fixture_close(&f);
    fixture_close(&other);
    sb_vfs_destroy(f.vfs);
    sb_vfs_destroy(other.vfs);
    remove_place(&p);
}

/* A child that begins a PID namespace, and in it one, number 1 there, that holds a transaction. *pid: its number here. */
static pid_t hold_in_container(const char *path, const sb_pager_options *options, bool writes,
                               pid_t *pid)
{
    int told[2];
    assert_int_equal(pipe(told), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pid_t inside = 0;
        if (unshare(CLONE_NEWPID) == 0) inside = child_in_transaction(path, options, writes);
        if (write(told[1], &inside, sizeof inside) != sizeof inside) _exit(3);
        for (;;)
            (void)pause();
    }
    (void)close(told[1]);
    assert_int_equal(read(told[0], pid, sizeof *pid), sizeof *pid);
    (void)close(told[0]);
    return child;
}

/* Of a container's process the number counts there; it is told by the one that it has here. */
static void test_pager_holders__in_a_container(void **state)
{
    (void)state;
    fixture f;
    char text[64];
    pid_t inside = 0;
    const place p = make_place();
    fixture_options(&f, make_vfs());
    f.options.busy_timeout_ns = 1000000;
    fixture_open(&f, p.name);
    CHECK(&f, fixture_put(&f, f.session, 1, 20, 1));
    for (unsigned writes = 0; writes < 2; writes++) {
        const pid_t child = hold_in_container(p.name, &f.options, writes != 0, &inside);
        const sb_status st =
            writes ? fixture_put(&f, f.session, 1, 20, 2)
                   : sb_pager_checkpoint(f.pager, SB_CHECKPOINT_RESTART, NULL, &f.err);
        const bool may = inside != 0; /* else only root of this machine may begin one */
        (void)snprintf(text, sizeof text, " process %d (", (int)inside);
        if (may) assert_int_equal(kill(inside, SIGKILL), 0);
        child_end(child);
        if (!may) skip();
        assert_int_equal(st, SB_BUSY);
        if (strstr(f.err.text, text) == NULL) fail_msg("%s: %s", f.err.text, text);
        sb_err_clear(&f.err);
    }
    fixture_close(&f);
    sb_vfs_destroy(f.vfs);
    remove_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pager_holders__open),
        TEST(test_pager_holders__write),
        TEST(test_pager_holders__checkpoint),
        TEST(test_pager_holders__reader_without_slot),
        TEST(test_pager_holders__child_of_a_dead_writer),
        TEST(test_pager_holders__this_process),
        TEST(test_pager_holders__in_a_container),
    };
    return cmocka_run_group_tests_name("pager_holders", tests, NULL, NULL);
}
