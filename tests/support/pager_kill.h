/* pager_kill.h — processes that open, read, write, checkpoint and close one file, and are killed at any moment.
 * Commit number v, its version, gives it to each KILL_STRIPES-th page (see pager_model.h) and puts it into meta: a
 * state shows what the last KILL_STRIPES commits wrote, and which version each page must have. Memory shared by the
 * processes holds the greatest version whose commit was acknowledged: a reader that begins after that and sees
 * less has lost a commit; a page of another version is a torn state; an open that is refused is a failure.
 * Memory also holds which commits were looked at (audited): a writer looks itself before it writes over what nobody
 * has seen, so in the end all are.
 * Some readers can not write the file and its neighbors, as on a file system mounted read-only. */
#ifndef TESTS_PAGER_KILL_H
#define TESTS_PAGER_KILL_H

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/pager_model.h"

#define KILL_PAGES   24u
#define KILL_STRIPES 4u
#define KILL_MOST    (1u << 22) /* commits of one campaign, which ends there */

typedef struct kill_settings {
    unsigned processes;
    uint64_t milliseconds;
    uint64_t seed;
    uint32_t gap_ms;        /* the longest time between two kills */
    uint32_t life;          /* the most that is done between opening and closing */
    uint32_t checkpoint_in; /* one call of so many */
    uint32_t autocheckpoint_pages;
} kill_settings;

typedef struct kill_board { /* in memory shared by all */
    kill_settings settings;
    _Atomic uint64_t acknowledged, commits, reads, opens, guarded_reads, checkpoints, kills,
        failures;
    _Atomic uint8_t audited[KILL_MOST + 1]; /* by version: a snapshot was right about it */
    char first_failure[700];
} kill_board;

/* The version that a page has in the state of `version`; the first commit makes them all. */
static inline uint32_t kill_version_of(uint32_t pgno, uint32_t version)
{
    const uint32_t age = (pgno + version) % KILL_STRIPES;
    return version > age ? version - age : 1;
}

/* The commits up to which all were audited. */
static inline uint64_t kill_audited(kill_board *board)
{
    uint64_t version = 0;
    while (version < KILL_MOST && atomic_load(&board->audited[version + 1]) != 0)
        version++;
    return version;
}

static inline void kill_fail(kill_board *board, const char *what, const char *text)
{
    if (atomic_fetch_add(&board->failures, 1) == 0)
        snprintf(board->first_failure, sizeof board->first_failure, "process %d: %s: %s",
                 (int)getpid(), what, text);
}

static inline void kill_remove_files(void)
{
    (void)unlink("k");
    (void)unlink("k-wal");
    (void)unlink("k-shm");
}

/* A file system on which nothing may be opened for writing. */
typedef struct kill_read_only_vfs {
    sb_vfs vfs;
    sb_vfs_ops ops;
    sb_vfs *inner;
} kill_read_only_vfs;
static inline sb_status kill_open_read_only(sb_vfs *vfs, const char *path, unsigned flags,
                                            sb_file **file, sb_err *err)
{
    sb_vfs *inner = ((kill_read_only_vfs *)vfs)->inner;
    *file = NULL;
    if ((flags & SB_OPEN_READ_ONLY) == 0)
        return SB_FAIL(err, SB_CANT_OPEN, "%s: read-only file system", path);
    return inner->ops->open(inner, path, flags, file, err);
}
static inline sb_status kill_exists(sb_vfs *vfs, const char *path, bool *exists, sb_err *err)
{
    sb_vfs *inner = ((kill_read_only_vfs *)vfs)->inner;
    return inner->ops->exists(inner, path, exists, err);
}
static inline uint64_t kill_monotonic(sb_vfs *vfs)
{
    sb_vfs *inner = ((kill_read_only_vfs *)vfs)->inner;
    return inner->ops->monotonic_ns(inner);
}
static inline void kill_sleep(sb_vfs *vfs, uint64_t ns)
{
    sb_vfs *inner = ((kill_read_only_vfs *)vfs)->inner;
    inner->ops->sleep_ns(inner, ns);
}
/* Kill a process and see that nothing else had ended it before. */
static inline void kill_reap(kill_board *board, pid_t pid)
{
    int status = 0;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        kill_fail(board, "a process", "ended by itself");
    atomic_fetch_add(&board->kills, 1);
}

static inline sb_vfs *kill_make_read_only(kill_read_only_vfs *v, sb_vfs *inner)
{
    memset(v, 0, sizeof *v);
    v->inner = inner;
    v->ops.open = kill_open_read_only;
    v->ops.exists = kill_exists;
    v->ops.monotonic_ns = kill_monotonic;
    v->ops.sleep_ns = kill_sleep;
    v->vfs.ops = &v->ops;
    v->vfs.map_step_bytes = inner->map_step_bytes;
    v->vfs.shared = inner->shared;
    return &v->vfs;
}

/* Each page as the transaction sees it, before it changes any; then the commits that it shows are audited. */
static inline void kill_check(kill_board *board, sb_txn *txn)
{
    const uint32_t version = sb_load_le32(sb_txn_meta(txn));
    sb_err err;
    bool right = version <= KILL_MOST;

    sb_err_clear(&err);
    for (sb_pgno pgno = 1; pgno <= KILL_PAGES && version != 0 && right; pgno++) {
        sb_page page;
        if (sb_page_acquire(txn, pgno, &page, &err) != SB_OK) {
            kill_fail(board, "acquire", err.text);
            return;
        }
        right = model_matches(page.bytes, 4096, pgno, kill_version_of(pgno, version));
        sb_page_release(txn, &page);
    }
    if (!right) kill_fail(board, "a snapshot", "a torn or future state");
    for (uint32_t age = 0; right && age < KILL_STRIPES && age < version; age++)
        atomic_store(&board->audited[version - age], 1);
}

static inline void kill_read(kill_board *board, sb_session *session, bool guarded)
{
    sb_err err;
    sb_txn *txn = NULL;
    sb_err_clear(&err);
    const uint64_t least = atomic_load(&board->acknowledged);
    const sb_status st = sb_txn_begin_read(session, &txn, &err);
    if (st == SB_BUSY && guarded) return; /* a checkpoint took long */
    if (st != SB_OK) {
        kill_fail(board, "begin", err.text);
        return;
    }
    if (sb_load_le32(sb_txn_meta(txn)) < least)
        kill_fail(board, "reader", "an acknowledged commit is missing");
    kill_check(board, txn);
    sb_txn_rollback(txn);
    atomic_fetch_add(guarded ? &board->guarded_reads : &board->reads, 1);
}

/* One page of the version's stripe; all are made by the first. */
static inline sb_status kill_write_page(sb_txn *txn, sb_pgno pgno, uint32_t version, sb_err *err)
{
    uint8_t *bytes = NULL;
    if (pgno >= sb_txn_page_count(txn))
        SB_TRY(sb_page_alloc(txn, SB_PAGE_SLOTTED, MODEL_TREE, &pgno, &bytes, err));
    else if (kill_version_of(pgno, version) == version)
        SB_TRY(sb_page_mut(txn, pgno, &bytes, err));
    if (bytes != NULL) model_fill(bytes, 4096, pgno, version);
    return SB_OK;
}

static inline sb_status kill_write(kill_board *board, sb_session *session, sb_err *err)
{
    sb_txn *txn = NULL;
    SB_TRY(sb_txn_begin_write(session, &txn, err));
    const uint32_t version = sb_load_le32(sb_txn_meta(txn)) + 1;
    if (version > KILL_STRIPES && atomic_load(&board->audited[version - KILL_STRIPES]) == 0)
        kill_check(board, txn);
    sb_store_le32(sb_txn_meta_mut(txn), version);
    sb_status st = SB_OK;
    for (sb_pgno pgno = 1; pgno <= KILL_PAGES && st == SB_OK; pgno++) {
        st = kill_write_page(txn, pgno, version, err);
        if (st == SB_OK && pgno == KILL_PAGES / 2) st = sb_txn_spill(txn, err);
    }
    if (st != SB_OK) {
        sb_txn_rollback(txn);
        return st;
    }
    SB_TRY(sb_txn_commit(txn, err));
    uint64_t seen = atomic_load(&board->acknowledged);
    while (seen < version && !atomic_compare_exchange_weak(&board->acknowledged, &seen, version)) {
    }
    atomic_fetch_add(&board->commits, 1);
    return SB_OK;
}

static inline void kill_life(kill_board *board, const sb_pager_options *options, sb_random *random,
                             bool guarded)
{
    sb_err err;
    sb_pager *pager = NULL;
    sb_session *session = NULL;
    sb_err_clear(&err);
    sb_status st = sb_pager_open("k", options, &pager, &err);
    if (st == SB_OK) st = sb_session_open(pager, &session, &err);
    if (st != SB_OK) {
        kill_fail(board, "open", err.text);
        return;
    }
    atomic_fetch_add(&board->opens, 1);
    for (uint64_t left = 1 + sb_random_below(random, board->settings.life); left > 0; left--) {
        const bool checkpoint = sb_random_below(random, board->settings.checkpoint_in) == 0;
        sb_err_clear(&err);
        if (guarded || (!checkpoint && sb_random_below(random, 9) < 5)) {
            kill_read(board, session, guarded);
        } else if (!checkpoint) {
            st = kill_write(board, session, &err);
            if (st != SB_OK && st != SB_BUSY) kill_fail(board, "write", err.text);
        } else {
            st = sb_pager_checkpoint(pager, (sb_checkpoint_mode)sb_random_below(random, 4), NULL,
                                     &err);
            if (st != SB_OK && st != SB_BUSY) kill_fail(board, "checkpoint", err.text);
            atomic_fetch_add(&board->checkpoints, 1);
        }
    }
    sb_session_close(session);
    sb_err_clear(&err);
    if (sb_pager_close(pager, &err) != SB_OK) kill_fail(board, "close", err.text);
}

static inline void kill_child(kill_board *board, uint64_t seed, bool guarded)
{
    static sb_profile profile;
    sb_vfs *vfs = NULL;
    kill_read_only_vfs read_only;
    sb_random random = {.state = seed};
    sb_pager_options options;
    if (sb_vfs_posix_create(&sb_allocator_libc, &vfs, NULL) != SB_OK) _exit(3);
    sb_pager_options_init(&options);
    options.vfs = guarded ? kill_make_read_only(&read_only, vfs) : vfs;
    options.read_only = guarded;
    options.profile = &profile;
    options.page_bytes = 4096;
    options.durability =
        SB_DURABLE_NORMAL; /* killing loses nothing in any durability, and this is quicker */
    options.autocheckpoint_pages = board->settings.autocheckpoint_pages;
    options.checkpoint_thread = sb_random_below(&random, 2) == 0;
    options.read_mode = sb_random_below(&random, 4) == 0 ? SB_READ_CACHE : SB_READ_MAP;
    options.cache_pages = 16;
    options.txn_memory_bytes = 4 * 4096;
    options.busy_timeout_ns = 10000000000u;
    options.check = model_check;
    for (;;)
        kill_life(board, &options, &random, guarded);
}

/* On a machine that has little time for us, until something was done, ten times as long at most. */
static inline bool kill_goes_on(kill_board *board, uint64_t passed_ns)
{
    const bool little = atomic_load(&board->commits) < 30 || atomic_load(&board->reads) < 30;
    const uint64_t most = (little ? 10 : 1) * board->settings.milliseconds * 1000000;
    return passed_ns < most && atomic_load(&board->failures) == 0 &&
           atomic_load(&board->acknowledged) < KILL_MOST - 100;
}

/* Open what the last kill left, and see that no commit was passed over. */
static inline void kill_last_look(kill_board *board, sb_vfs *vfs)
{
    static sb_profile profile;
    sb_pager_options options;
    sb_pager *pager = NULL;
    sb_session *session = NULL;
    sb_err err;

    sb_err_clear(&err);
    sb_pager_options_init(&options);
    options.vfs = vfs;
    options.profile = &profile;
    options.check = model_check;
    if (sb_pager_open("k", &options, &pager, &err) != SB_OK ||
        sb_session_open(pager, &session, &err) != SB_OK) {
        kill_fail(board, "the last opening", err.text);
        return;
    }
    kill_read(board, session, false);
    sb_session_close(session);
    if (sb_pager_close(pager, &err) != SB_OK) kill_fail(board, "the last closing", err.text);
    if (kill_audited(board) < atomic_load(&board->acknowledged))
        kill_fail(board, "the audit", "a commit was not looked at");
}

/* Keep processes alive, killing one every few milliseconds, until the time is over or something fails. The file k lies
 * in the working directory. */
static inline void kill_campaign(kill_board *board, const kill_settings *settings)
{
    pid_t pids[16] = {0};
    sb_random random = {.state = settings->seed};
    sb_vfs *vfs = NULL;
    if (sb_vfs_posix_create(&sb_allocator_libc, &vfs, NULL) != SB_OK) abort();
    const uint64_t started = vfs->ops->monotonic_ns(vfs);
    const unsigned processes = settings->processes;

    board->settings = *settings;
    kill_remove_files();
    while (kill_goes_on(board, vfs->ops->monotonic_ns(vfs) - started)) {
        const unsigned i = (unsigned)sb_random_below(&random, processes);
        if (pids[i] != 0) kill_reap(board, pids[i]);
        const uint64_t child_seed = sb_random_next(&random);
        /* The last place is for a reader that may not write; the file exists once a commit is acknowledged. */
        const bool guarded = i == processes - 1 && atomic_load(&board->acknowledged) > 0;
        pids[i] = fork();
        if (pids[i] == 0) kill_child(board, child_seed, guarded);
        vfs->ops->sleep_ns(vfs, 1000000 + sb_random_below(&random, settings->gap_ms * 1000000ull));
    }
    for (unsigned i = 0; i < processes; i++)
        if (pids[i] != 0) kill_reap(board, pids[i]);
    if (atomic_load(&board->failures) == 0) kill_last_look(board, vfs);
    sb_vfs_destroy(vfs);
}

static inline void kill_print(kill_board *board)
{
    printf("%llu commits audited, %llu reads, %llu reads without write permission, %llu opens, "
           "%llu checkpoints, %llu kills, %llu failures\n",
           (unsigned long long)kill_audited(board), (unsigned long long)board->reads,
           (unsigned long long)board->guarded_reads, (unsigned long long)board->opens,
           (unsigned long long)board->checkpoints, (unsigned long long)board->kills,
           (unsigned long long)board->failures);
    if (board->failures != 0) printf("%s\n", board->first_failure);
}

static inline kill_board *kill_board_create(void)
{
    void *board =
        mmap(NULL, sizeof(kill_board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED) abort();
    return board;
}

#endif
