/* beside_cut.h — power cuts and failing syncs while a transaction and a checkpoint of one handle work beside each other.
 * The other campaigns cut one thread's calls; here, within a sync of the main file by one of the two, the other one begins, and goes as far as
 * it gets. The power is cut, for a look at what would be left, before each sync, beside it and between the steps; some syncs fail, and
 * with them what was written is dropped, as Linux does. What is opened must be the state of the last acknowledged commit, or of the one in
 * flight. Checks run on threads of their own, since the one that syncs holds locks. */
#ifndef TESTS_BESIDE_CUT_H
#define TESTS_BESIDE_CUT_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pager/pager_priv.h"
#include "support/pager_model.h"

#define BESIDE_STEPS 40u
#define BESIDE_OPENS 6u /* syncs of an opening may fail, too: so often in turn they do not */

typedef enum beside_work { BESIDE_NOTHING, BESIDE_TRANSACTION, BESIDE_CHECKPOINT } beside_work;

typedef struct beside_counts {
    uint64_t checks, beside, failed_syncs;
} beside_counts;

typedef struct beside_run {
    uint64_t fail_one_in; /* syncs; 0: none fails */
    beside_counts *counts;
    model m;
    sb_profile profile;
    sb_vfs *vfs;
    sb_pager *pager;
    sb_session *own, *other;
    sb_random random, other_random;
    const sb_file_ops *plain;
    sb_file_ops hooked;
    beside_work work; /* what may begin beside the call under way */
    pthread_t thread; /* that does it, */
    bool begun;       /* until it is joined */
    _Atomic long tid;
    _Atomic bool ended;
    sb_status other_status;
    sb_err err; /* the first thing that is wrong */
} beside_run;

static beside_run *beside_now;             /* the run whose hooks are called */
static _Thread_local bool beside_is_other; /* this thread works beside */

static inline void beside_fail(beside_run *r, const char *when, const char *text)
{
    (void)!SB_FAIL(&r->err, SB_CORRUPT, "%s: %s (commits %llu acknowledged, %llu begun)", when,
                   text, (unsigned long long)r->m.committed, (unsigned long long)r->m.attempted);
}

static inline void beside_options(beside_run *r, sb_vfs *vfs, sb_pager_options *options)
{
    sb_pager_options_init(options);
    options->vfs = vfs;
    options->profile = &r->profile;
    options->page_bytes = 4096;
    options->checkpoint_thread = false;
    options->autocheckpoint_pages = 0;
    options->txn_memory_bytes = 12 * 4096;
    options->busy_timeout_ns = 0;
    options->check = model_check;
}

/* ---- What a power cut would leave -------------------------------------------------------------- */

/* Open the file as it is; *seq: the commit that it shows, of least to most. */
static inline sb_status beside_look(beside_run *r, sb_vfs *vfs, uint64_t least, bool read_only,
                                    uint64_t *seq, sb_err *err)
{
    sb_pager_options options;
    sb_pager *pager = NULL;
    sb_session *session = NULL;
    sb_txn *txn = NULL;

    beside_options(r, vfs, &options);
    options.read_only = read_only;
    SB_TRY(sb_pager_open("g", &options, &pager, err));
    sb_status st = sb_session_open(pager, &session, err);
    if (st == SB_OK) st = sb_txn_begin_read(session, &txn, err);
    if (st == SB_OK) {
        *seq = sb_txn_seq(txn);
        if (*seq < least || *seq > r->m.attempted)
            st = SB_FAIL(err, SB_CORRUPT, "commit %llu is shown", (unsigned long long)*seq);
        else
            st = model_verify(txn, &r->m.history[*seq], err);
    }
    sb_txn_rollback(txn);
    sb_session_close(session);
    const sb_status closed = sb_pager_close(pager, st == SB_OK ? err : NULL);
    return st == SB_OK ? closed : st;
}

/* One who only reads comes first in a third of the cuts, and who comes after sees no less. */
static inline sb_status beside_look_after(beside_run *r, sb_vfs *after, sb_err *err)
{
    uint64_t least = r->m.committed, seq = 0;

    if (sb_random_below(&r->random, 3) == 0) {
        const sb_status st = beside_look(r, after, least, true, &seq, err);
        if (st != SB_OK && !(st == SB_CANT_OPEN && least == 0)) return st; /* not made yet */
        if (st == SB_OK) least = seq;
        sb_err_clear(err);
    }
    return beside_look(r, after, least, false, &seq, err);
}

static inline void *beside_check_twice(void *when)
{
    beside_run *r = beside_now;

    for (unsigned i = 0; i < 2 && r->err.code == SB_OK; i++) {
        const sb_crash_mode mode =
            sb_random_below(&r->random, 4) == 0 ? SB_CRASH_LOSE_ALL : SB_CRASH_RANDOM;
        sb_vfs *after = NULL;
        sb_err err;

        sb_err_clear(&err);
        r->counts->checks++;
        sb_status st = sb_vfs_crash_reboot(r->vfs, mode, sb_random_next(&r->random), &after, &err);
        if (st == SB_OK) {
            sb_vfs_crash_state(after)->fail_sync_at =
                0; /* that one was of the file system before */
            st = beside_look_after(r, after, &err);
        }
        if (st != SB_OK) beside_fail(r, when, err.text);
        sb_vfs_destroy(after);
    }
    return NULL;
}

static inline void beside_check(beside_run *r, const char *when)
{
    pthread_t thread;

    if (r->err.code != SB_OK) return;
    if (pthread_create(&thread, NULL, beside_check_twice, (void *)(uintptr_t)when) != 0) abort();
    (void)pthread_join(thread, NULL);
}

/* ---- The other one ----------------------------------------------------------------------------- */

static inline void *beside_do(void *ctx)
{
    beside_run *r = ctx;
    sb_err err;

    beside_is_other = true;
    atomic_store(&r->tid, syscall(SYS_gettid));
    sb_err_clear(&err);
    r->other_status = r->work == BESIDE_TRANSACTION
                          ? model_transaction(&r->m, r->other, &err)
                          : sb_pager_checkpoint(r->pager, SB_CHECKPOINT_PASSIVE, NULL, &err);
    if (r->other_status == SB_CORRUPT) beside_fail(r, "beside", err.text);
    atomic_store(&r->ended, true);
    return NULL;
}

/* Does the thread sleep, for a lock that the one who asks has? */
static inline bool beside_sleeps(long tid)
{
    char path[64], line[256] = "";
    (void)snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
    FILE *file = fopen(path, "r");
    if (file == NULL) return false;
    const bool read = fgets(line, sizeof line, file) != NULL;
    (void)fclose(file);
    const char *name_end = strrchr(line, ')');
    return read && name_end != NULL && strncmp(name_end, ") S", 3) == 0;
}

/* Until it has ended, or gets no further. */
static inline void beside_settle(beside_run *r)
{
    for (unsigned asleep = 0; r->begun && !atomic_load(&r->ended) && asleep < 3;) {
        (void)usleep(500);
        asleep = atomic_load(&r->tid) != 0 && beside_sleeps(atomic_load(&r->tid)) ? asleep + 1 : 0;
    }
}

static inline void beside_begin(beside_run *r)
{
    atomic_store(&r->tid, 0);
    atomic_store(&r->ended, false);
    r->begun = true;
    r->counts->beside++;
    if (pthread_create(&r->thread, NULL, beside_do, r) != 0) abort();
}

static inline void beside_join(beside_run *r)
{
    if (r->begun) (void)pthread_join(r->thread, NULL);
    r->begun = false;
    r->work = BESIDE_NOTHING;
}

/* ---- Syncs -------------------------------------------------------------------------------------- */

static inline sb_status beside_sync(sb_file *file, sb_err *err)
{
    beside_run *r = beside_now;
    sb_random *random = beside_is_other ? &r->other_random : &r->random;

    if (!beside_is_other) {
        beside_settle(r);
        beside_check(r, "before a sync");
        if (file == r->pager->main_file && !r->begun && r->work != BESIDE_NOTHING &&
            sb_random_below(random, 2) == 0) {
            beside_begin(r);
            beside_settle(r);
            beside_check(r, "beside a sync");
        }
    }
    if (r->fail_one_in != 0 && sb_random_below(random, r->fail_one_in) == 0) {
        r->counts->failed_syncs++;
        sb_vfs_crash_state(r->vfs)->fail_sync_at = sb_vfs_crash_events(r->vfs) + 1;
    }
    return r->plain->sync(file, err);
}

static inline void beside_hook(beside_run *r)
{
    sb_file *const files[] = {r->pager->main_file, r->pager->wal_file, r->pager->wal_second};

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (files[i] == NULL || files[i]->ops == &r->hooked) continue;
        r->plain = files[i]->ops;
        r->hooked = *r->plain;
        r->hooked.sync = beside_sync;
        files[i]->ops = &r->hooked;
    }
}

/* ---- The run ------------------------------------------------------------------------------------ */

/* After a kill, not a power cut: what the system had is there. */
static inline void beside_open(beside_run *r)
{
    sb_pager_options options;
    sb_txn *txn = NULL;
    sb_err err;
    sb_status st = SB_IO;

    beside_options(r, r->vfs, &options);
    for (unsigned i = 0; i < BESIDE_OPENS && st != SB_OK; i++) {
        sb_err_clear(&err);
        st = sb_pager_open("g", &options, &r->pager, &err);
    }
    if (st == SB_OK) st = sb_session_open(r->pager, &r->own, &err);
    if (st == SB_OK) st = sb_session_open(r->pager, &r->other, &err);
    if (st == SB_OK) st = sb_txn_begin_read(r->own, &txn, &err);
    if (st == SB_OK) {
        const uint64_t seq = sb_txn_seq(txn);
        if (seq < r->m.committed || seq > r->m.attempted)
            st = SB_FAIL(&err, SB_CORRUPT, "commit %llu is shown", (unsigned long long)seq);
        else
            st = model_verify(txn, &r->m.history[seq], &err);
        r->m.committed = r->m.attempted = seq;
        r->m.now = r->m.history[seq];
    }
    sb_txn_rollback(txn);
    if (st != SB_OK)
        beside_fail(r, "opened", err.text);
    else
        beside_hook(r);
}

static inline void beside_close(beside_run *r)
{
    sb_err err;

    sb_session_close(r->own);
    sb_session_close(r->other);
    r->own = r->other = NULL;
    sb_err_clear(&err);
    if (r->pager != NULL && sb_pager_close(r->pager, &err) == SB_CORRUPT)
        beside_fail(r, "closing", err.text);
    r->pager = NULL;
}

static inline void beside_step(beside_run *r)
{
    const uint64_t dice = sb_random_below(&r->random, 10);
    sb_err err;
    sb_status st = SB_POISONED; /* close and open again */

    sb_err_clear(&err);
    beside_hook(r);
    if (dice < 6) {
        r->work = BESIDE_CHECKPOINT;
        st = model_transaction(&r->m, r->own, &err);
    } else if (dice < 9) {
        r->work = BESIDE_TRANSACTION;
        st = sb_pager_checkpoint(
            r->pager, dice == 8 ? SB_CHECKPOINT_RESTART : SB_CHECKPOINT_PASSIVE, NULL, &err);
    }
    beside_join(r);
    if (st == SB_CORRUPT) beside_fail(r, "a step", err.text);
    if (st == SB_POISONED || sb_pager__poisoned(r->pager)) {
        beside_close(r);
        beside_open(r);
    }
    beside_check(r, "between steps");
}

/* SB_CORRUPT with a text when something is wrong. */
static inline sb_status beside_try(uint64_t seed, uint64_t fail_one_in, beside_counts *counts,
                                   sb_err *err)
{
    static beside_run run;
    beside_run *const r = &run;

    memset(r, 0, sizeof *r);
    r->counts = counts;
    r->random.state = sb_hash_u64(seed) + 1;
    r->other_random.state = sb_hash_u64(seed) + 2;
    sb_err_clear(&r->err);
    model_init(&r->m, seed);
    r->m.with_checkpoints = false;
    SB_TRY(sb_vfs_crash_create(&sb_allocator_libc, &r->vfs, err));
    beside_now = r;
    beside_open(r);
    r->fail_one_in = fail_one_in;
    for (unsigned step = 0; step < BESIDE_STEPS && r->err.code == SB_OK; step++)
        beside_step(r);
    r->fail_one_in = 0;
    beside_close(r);
    sb_vfs_destroy(r->vfs);
    model_deinit(&r->m);
    if (r->err.code != SB_OK) *err = r->err;
    return r->err.code;
}

#endif
