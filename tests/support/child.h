/* child.h — processes of tests that hold a transaction until they are killed. */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

#include "support/unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pager/pager.h"

/* A child in a transaction of its own on a file, which it never ends; returns once it has begun. */
static inline pid_t child_in_transaction(const char *path, const sb_pager_options *options,
                                         bool writes)
{
    int ready[2];
    char byte = 0;

    assert_int_equal(pipe(ready), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        sb_pager_options own = *options;
        sb_pager *pager = NULL;
        sb_session *session = NULL;
        sb_txn *txn = NULL;
        if (sb_vfs_posix_create(&sb_allocator_libc, &own.vfs, NULL) != SB_OK ||
            sb_pager_open(path, &own, &pager, NULL) != SB_OK ||
            sb_session_open(pager, &session, NULL) != SB_OK ||
            (writes ? sb_txn_begin_write(session, &txn, NULL)
                    : sb_txn_begin_read(session, &txn, NULL)) != SB_OK ||
            write(ready[1], "x", 1) != 1)
            _exit(3);
        for (;;)
            (void)pause();
    }
    assert_true(pid > 0);
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    return pid;
}

static inline void child_end(pid_t pid)
{
    int status = 0;

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

#endif
