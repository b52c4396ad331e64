/* graph_kill.h — processes that work on one graph through sombra.h, with statements, and are killed at any moment: writers, readers,
 * checkpoints, backups, vacuum. A checker looks at each snapshot: it must be a prefix of the committed history.
 *
 * The history is a chain of events. Commit n makes event n, linked from event n - 1, and removes event n - KEPT, so after it the graph holds
 * exactly the events n - KEPT + 1 to n; a counter node says n, and carries a random number that event n has, too. Memory shared by the
 * processes holds the greatest n whose commit was acknowledged, the greatest that was begun, and the random numbers of all. A snapshot is
 * a prefix if
 *   - its counter is at least what was acknowledged before it was taken, and at most what had been begun when it was there (nothing is
 *     lost, nothing is of the future),
 *   - events, links and index agree with the counter, and each event with what its writer noted (nothing is torn),
 *   - each event is the one that other snapshots have shown as number n: a commit that was seen stays, though its writer was killed before
 *     it was acknowledged.
 * So must be each backup; and what a process that only may read sees, whose directory is mounted read-only where that is permitted.
 * A commit is audited when a snapshot was right that holds its event. A writer looks itself before it removes an event that nobody has
 * seen, so in the end all are. */
#ifndef TESTS_GRAPH_KILL_H
#define TESTS_GRAPH_KILL_H

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/random.h"
#include "sombra.h"

#define CHAIN_PATH "chain.sombra"
#define CHAIN_KEPT 40
#define CHAIN_MOST (1 << 20) /* commits of one campaign, which ends there */

typedef struct chain_settings {
    sombra_durability
        durability; /* of all: a reader in `full` is not shown what a writer in `normal` has not synced */
    uint64_t milliseconds;
    uint64_t seed;
    uint32_t gap_ms; /* the longest time between two kills */
    uint32_t life;   /* the most that is done between opening and closing */
    uint32_t autocheckpoint;
} chain_settings;

typedef struct chain_board { /* in memory shared by all */
    chain_settings settings;
    _Atomic uint64_t acknowledged, begun;
    _Atomic int64_t
        nonces[CHAIN_MOST + 1]; /* by n: the random number of its event, noted before the commit */
    _Atomic int64_t shown[CHAIN_MOST +
                          1]; /* by n: that of the event which a snapshot held first; 0: none has */
    _Atomic uint8_t audited[CHAIN_MOST + 1];
    _Atomic uint64_t commits, rollbacks, snapshots, mounted_snapshots, backups, verified,
        checkpoints, vacuums, opens, kills;
    _Atomic uint64_t failures;
    char first_failure[1000];
} chain_board;

typedef enum chain_role {
    CHAIN_WRITER,
    CHAIN_READER,
    CHAIN_READ_ONLY, /* may not write file and directory */
    CHAIN_BACKUP,
    CHAIN_CHECKPOINT,
    CHAIN_ROLES
} chain_role;

typedef struct chain_process {
    chain_board *board;
    sb_random random;
    chain_role role;
    bool mounted; /* its directory is a read-only mount */
    sombra_db *db;
    sombra_conn *conn;
    sombra_error error;
} chain_process;

static inline void chain_fail(chain_process *p, const char *what, const char *text)
{
    if (atomic_fetch_add(&p->board->failures, 1) == 0)
        (void)snprintf(p->board->first_failure, sizeof p->board->first_failure,
                       "process %d, role %d%s: %s: %s", (int)getpid(), (int)p->role,
                       p->mounted ? " (mounted)" : "", what, text);
}

/* The integers of the one row that a statement gives; a, b, n are its parameters, if it has them. False: told. */
static inline bool chain_ask(chain_process *p, const char *text, int64_t a, int64_t b, int64_t *out,
                             size_t count)
{
    sombra_stmt *stmt = NULL;
    const sombra_value values[] = {{.type = SOMBRA_TYPE_INT, .as.integer = a},
                                   {.type = SOMBRA_TYPE_INT, .as.integer = b}};
    sombra_status st = sombra_prepare(p->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL);

    for (size_t i = 0; st == SOMBRA_OK && i < sombra_stmt_param_count(stmt); i++) {
        size_t size = 0;
        st = sombra_stmt_bind_at(stmt, i, &values[*sombra_stmt_param(stmt, i, &size) == 'b']);
    }
    if (st == SOMBRA_OK) st = sombra_stmt_step(stmt);
    bool right = st == (count != 0 ? SOMBRA_ROW : SOMBRA_DONE);
    for (size_t i = 0; right && i < count; i++) {
        sombra_value value;
        right = sombra_stmt_column(stmt, i, &value) == SOMBRA_OK && value.type == SOMBRA_TYPE_INT;
        out[i] = right ? value.as.integer : 0;
    }
    if (right && count != 0) right = (st = sombra_stmt_step(stmt)) == SOMBRA_DONE;
    if (!right)
        chain_fail(p, text,
                   st < SOMBRA_OK || st == SOMBRA_DONE ? sombra_error_of(p->conn)->message
                                                       : "not what was asked for");
    sombra_stmt_finalize(stmt);
    return right;
}

/* Is it the event that all snapshots show as number n? */
static inline bool chain_same_shown(chain_board *board, int64_t n, int64_t nonce)
{
    int64_t shown = 0;
    return atomic_compare_exchange_strong(&board->shown[n], &shown, nonce) || shown == nonce;
}

/* Events first to n, each once, with what its writer noted; then their commits are audited. */
static inline bool chain_check_events(chain_process *p, int64_t first, int64_t n)
{
    static const char text[] = "MATCH (e:Event) RETURN e.n, e.nonce, size(e.text)";
    bool seen[CHAIN_KEPT] = {false}, right = true;
    int64_t count = 0;
    sombra_stmt *stmt = NULL;
    sombra_status st = sombra_prepare(p->conn, text, SOMBRA_NUL_TERMINATED, &stmt, NULL);

    while (st >= SOMBRA_OK && right && (st = sombra_stmt_step(stmt)) == SOMBRA_ROW) {
        sombra_value row[3];
        for (size_t i = 0; i < 3 && right; i++)
            right =
                sombra_stmt_column(stmt, i, &row[i]) == SOMBRA_OK && row[i].type == SOMBRA_TYPE_INT;
        right = right && row[0].as.integer >= first && row[0].as.integer <= n &&
                !seen[row[0].as.integer % CHAIN_KEPT] &&
                row[1].as.integer == atomic_load(&p->board->nonces[row[0].as.integer]) &&
                row[2].as.integer == row[0].as.integer % 3000 &&
                chain_same_shown(p->board, row[0].as.integer, row[1].as.integer);
        if (right) seen[row[0].as.integer % CHAIN_KEPT] = true;
        count++;
    }
    if (st < SOMBRA_OK) chain_fail(p, text, sombra_error_of(p->conn)->message);
    sombra_stmt_finalize(stmt);
    if (st < SOMBRA_OK || !right || count != n - first + 1) return false;
    for (int64_t i = first; i <= n; i++)
        atomic_store(&p->board->audited[i], 1);
    return true;
}

/* The chain as the open transaction sees it; its length in *end. */
static inline void chain_check(chain_process *p, uint64_t least, int64_t *end)
{
    int64_t counter[2], links[2], some[1];

    *end = 0;
    if (!chain_ask(p, "MATCH (c:Counter) RETURN c.n, c.nonce", 0, 0, counter, 2)) return;
    const int64_t n = counter[0], first = n > CHAIN_KEPT ? n - CHAIN_KEPT + 1 : 1;
    char text[200];
    *end = n;
    if (n < (int64_t)least || n > (int64_t)atomic_load(&p->board->begun)) {
        (void)snprintf(text, sizeof text,
                       "commit %lld is shown; %llu were acknowledged before, %llu begun",
                       (long long)n, (unsigned long long)least,
                       (unsigned long long)atomic_load(&p->board->begun));
        chain_fail(p, "lost or of the future", text);
        return;
    }
    if (n == 0) return;
    const bool events = chain_check_events(p, first, n);
    const int64_t one = first + (int64_t)sb_random_below(&p->random, (uint64_t)(n - first + 1));
    if (!chain_ask(p,
                   "MATCH (x:Event)-[l:NEXT]->(y:Event) RETURN count(l), "
                   "count(CASE WHEN y.n = x.n + 1 AND l.n = y.n THEN 1 END)",
                   0, 0, links, 2) ||
        !chain_ask(p, "MATCH (e:Event {n: $a}) RETURN e.nonce", one, 0, some, 1))
        return;
    if (!events || links[0] != n - first || links[1] != n - first ||
        counter[1] != atomic_load(&p->board->nonces[n]) ||
        some[0] != atomic_load(&p->board->nonces[one])) {
        (void)snprintf(
            text, sizeof text,
            "at commit %lld: events %s, %lld links, %lld of them right, nonces %lld and %lld",
            (long long)n, events ? "right" : "wrong", (long long)links[0], (long long)links[1],
            (long long)counter[1], (long long)some[0]);
        chain_fail(p, "torn", text);
    }
}

/* The commits up to which all were audited. */
static inline uint64_t chain_audited(chain_board *board)
{
    uint64_t n = 0;
    while (n < CHAIN_MOST && atomic_load(&board->audited[n + 1]) != 0)
        n++;
    return n;
}

/* Checkpoints and backups rest a while, so that others get on; the shorter, the more is killed. */
static inline void chain_rest(chain_process *p)
{
    (void)usleep((useconds_t)sb_random_below(&p->random, p->board->settings.gap_ms * 50ull));
}

static inline bool chain_begin(chain_process *p, sombra_mode mode, sombra_txn **txn)
{
    const sombra_status st = sombra_begin(p->conn, mode, txn);

    if (st == SOMBRA_OK) return true;
    /* Somebody vacuums, or a checkpoint holds up a reader that has no slot. */
    if (st != SOMBRA_BUSY) chain_fail(p, "begin", sombra_error_of(p->conn)->message);
    return false;
}

static inline void chain_read(chain_process *p)
{
    const uint64_t least = atomic_load(&p->board->acknowledged);
    sombra_txn *txn = NULL;
    int64_t first = 0, again = 0;

    if (!chain_begin(p, SOMBRA_READ, &txn)) return;
    chain_check(p, least, &first);
    if (sb_random_below(&p->random, 4) == 0) {
        (void)usleep((useconds_t)sb_random_below(&p->random, 3000));
        chain_check(p, least, &again);
        if (again != first) chain_fail(p, "reader", "a snapshot has changed");
    }
    if (sb_random_below(&p->random, 40) == 0) {
        sombra_verify_result result;
        if (sombra_verify(txn, NULL, NULL, &result) != SOMBRA_OK)
            chain_fail(p, "verify", sombra_error_of(p->conn)->message);
        else if (result.findings != 0)
            chain_fail(p, "verify", "it has findings");
        atomic_fetch_add(&p->board->verified, 1);
    }
    sombra_rollback(txn);
    atomic_fetch_add(p->mounted ? &p->board->mounted_snapshots : &p->board->snapshots, 1);
}

static inline void chain_raise(_Atomic uint64_t *word, uint64_t value)
{
    uint64_t seen = atomic_load(word);
    while (seen < value && !atomic_compare_exchange_weak(word, &seen, value)) {
    }
}

/* Whoever holds the writer's lock is about to remove an event that nobody has seen. (`begun` is the newest commit or the next; as no
 * snapshot is newer than the newest, one that holds the second of the events that this may be holds both.) */
static inline bool chain_unseen(chain_board *board)
{
    const uint64_t begun = atomic_load(&board->begun);
    return begun >= CHAIN_KEPT && atomic_load(&board->audited[begun + 1 - CHAIN_KEPT]) == 0;
}

static inline void chain_write(chain_process *p)
{
    const int64_t nonce = (int64_t)(sb_random_next(&p->random) >> 1);
    const uint64_t least = atomic_load(&p->board->acknowledged);
    sombra_txn *txn = NULL;
    int64_t n = 0;
    uint32_t savepoint = 0;

    if (!chain_begin(p, SOMBRA_WRITE, &txn)) return;
    if (sb_random_below(&p->random, 8) == 0 || chain_unseen(p->board)) chain_check(p, least, &n);
    if (!chain_ask(p, "MATCH (c:Counter) SET c.n = c.n + 1, c.nonce = $b RETURN c.n", 0, nonce, &n,
                   1))
        goto undo;
    chain_raise(&p->board->begun, (uint64_t)n);
    atomic_store(&p->board->nonces[n], nonce);
    if (sb_random_below(&p->random, 4) ==
        0) { /* what is rolled back to a savepoint leaves nothing */
        if (sombra_savepoint(txn, &savepoint) != SOMBRA_OK ||
            !chain_ask(
                p,
                "UNWIND range(1, 50) AS i CREATE (:Event {n: $a + i, nonce: i})-[:NEXT]->(:Event)",
                n, 0, NULL, 0) ||
            sombra_rollback_to(txn, savepoint) != SOMBRA_OK)
            goto undo;
    }
    if (!chain_ask(p,
                   "CREATE (:Event {n: $a, nonce: $b, text: reduce(s = '', i IN range(1, $a % "
                   "3000) | s + 'x')})",
                   n, nonce, NULL, 0))
        goto undo;
    if (n > 1 &&
        !chain_ask(p,
                   "MATCH (x:Event {n: $a - 1}), (y:Event {n: $a}) CREATE (x)-[:NEXT {n: $a}]->(y)",
                   n, 0, NULL, 0))
        goto undo;
    if (n > CHAIN_KEPT &&
        !chain_ask(p, "MATCH (x:Event {n: $a}) DETACH DELETE x", n - CHAIN_KEPT, 0, NULL, 0))
        goto undo;
    if (sb_random_below(&p->random, 10) == 0) goto undo;
    if (sombra_commit(txn) != SOMBRA_OK) {
        chain_fail(p, "commit", sombra_error_of(p->conn)->message);
        return;
    }
    chain_raise(&p->board->acknowledged, (uint64_t)n);
    atomic_fetch_add(&p->board->commits, 1);
    return;
undo:
    sombra_rollback(txn);
    atomic_fetch_add(&p->board->rollbacks, 1);
}

static inline void chain_remove(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-making"}; /* a backup under way */
    char name[200];

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
}

/* A copy of a snapshot, taken while others write; then it is opened by itself. */
static inline void chain_backup(chain_process *p)
{
    const uint64_t least = atomic_load(&p->board->acknowledged);
    chain_process copy = {.board = p->board, .random = p->random, .role = p->role};
    sombra_options options;
    sombra_txn *txn = NULL;
    int64_t shown = 0, kept = 0;
    char path[64];

    (void)snprintf(path, sizeof path, "copy-%d.sombra", (int)getpid());
    chain_remove(path);
    if (!chain_begin(p, SOMBRA_READ, &txn)) return;
    chain_check(p, least, &shown);
    const sombra_status st = sombra_backup(txn, path);
    if (st != SOMBRA_OK) chain_fail(p, "backup", sombra_error_of(p->conn)->message);
    sombra_rollback(txn);
    if (st != SOMBRA_OK) return;
    sombra_options_init(&options);
    options.read_only = true;
    if (sombra_open(path, &options, &copy.db, &copy.error) != SOMBRA_OK ||
        sombra_connect(copy.db, &copy.conn, &copy.error) != SOMBRA_OK) {
        chain_fail(p, "opening a backup", copy.error.message);
        return;
    }
    if (chain_begin(&copy, SOMBRA_READ, &txn)) {
        sombra_verify_result result = {0};
        chain_check(&copy, least, &kept);
        if (kept != shown)
            chain_fail(p, "backup", "it is not of the snapshot that it was taken from");
        if (sombra_verify(txn, NULL, NULL, &result) != SOMBRA_OK || result.findings != 0)
            chain_fail(p, "backup", "it does not verify");
        sombra_rollback(txn);
    }
    sombra_disconnect(copy.conn);
    if (sombra_close(copy.db, &copy.error) != SOMBRA_OK)
        chain_fail(p, "closing a backup", copy.error.message);
    chain_remove(path);
    atomic_fetch_add(&p->board->backups, 1);
    chain_rest(p);
}

static inline void chain_checkpoint(chain_process *p)
{
    const bool vacuum = sb_random_below(&p->random, 20) == 0;
    const sombra_status st =
        vacuum ? sombra_vacuum(p->conn, NULL)
               : sombra_checkpoint(p->conn, (sombra_checkpoint_mode)sb_random_below(&p->random, 4),
                                   NULL);

    if (st != SOMBRA_OK && st != SOMBRA_BUSY)
        chain_fail(p, vacuum ? "vacuum" : "checkpoint", sombra_error_of(p->conn)->message);
    if (st == SOMBRA_OK) atomic_fetch_add(vacuum ? &p->board->vacuums : &p->board->checkpoints, 1);
    chain_rest(p);
}

/* See the working directory read-only, by a mount of this process alone. False: not permitted here. */
static inline bool chain_mount_read_only(void)
{
    char here[4096];

    return getcwd(here, sizeof here) != NULL && unshare(CLONE_NEWNS) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount(here, here, NULL, MS_BIND, NULL) == 0 &&
           mount(NULL, here, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0 && chdir(here) == 0;
}

static inline void chain_life(chain_process *p)
{
    sombra_options options;

    sombra_options_init(&options);
    options.durability = (uint8_t)p->board->settings.durability;
    options.read_only = p->role == CHAIN_READ_ONLY;
    options.create = false;
    options.page_size = 4096;
    options.read_mode = (uint8_t)(sb_random_below(&p->random, 4) == 0 ? 2 : 1);
    options.cache_pages = 64;
    options.autocheckpoint = p->board->settings.autocheckpoint;
    options.checkpoint_thread = sb_random_below(&p->random, 2) == 0;
    options.transaction_memory = sb_random_below(&p->random, 3) == 0 ? 4096 * 4 : 0;
    options.busy_timeout_ms = 20000;
    if (sombra_open(CHAIN_PATH, &options, &p->db, &p->error) != SOMBRA_OK ||
        sombra_connect(p->db, &p->conn, &p->error) != SOMBRA_OK) {
        chain_fail(p, "open", p->error.message);
        return;
    }
    atomic_fetch_add(&p->board->opens, 1);
    for (uint64_t left = 1 + sb_random_below(&p->random, p->board->settings.life);
         left > 0 && atomic_load(&p->board->failures) == 0; left--) {
        switch (p->role) {
        case CHAIN_WRITER: chain_write(p); break;
        case CHAIN_BACKUP: chain_backup(p); break;
        case CHAIN_CHECKPOINT: chain_checkpoint(p); break;
        case CHAIN_READER:
        case CHAIN_READ_ONLY:
        case CHAIN_ROLES:
        default: chain_read(p); break;
        }
    }
    sombra_disconnect(p->conn);
    if (sombra_close(p->db, &p->error) != SOMBRA_OK) chain_fail(p, "close", p->error.message);
}

static inline void chain_child(chain_board *board, uint64_t seed, chain_role role)
{
    chain_process p = {.board = board, .random = {.state = seed}, .role = role};

    if (role == CHAIN_READ_ONLY) {
        p.mounted = chain_mount_read_only();
        if (p.mounted && open("written", O_CREAT | O_WRONLY, 0600) >= 0)
            chain_fail(&p, "mount", "it is not read-only");
    }
    for (;;)
        chain_life(&p);
}

/* A graph with a counter at 0, an index and a constraint. */
static inline void chain_make(chain_board *board)
{
    static const char *const texts[] = {
        "CREATE CONSTRAINT one_event FOR (e:Event) REQUIRE e.n IS UNIQUE",
        "CREATE (:Counter {n: 0, nonce: 0})"};
    chain_process p = {.board = board};
    sombra_options options;

    chain_remove(CHAIN_PATH);
    sombra_options_init(&options);
    options.page_size = 4096;
    if (sombra_open(CHAIN_PATH, &options, &p.db, &p.error) != SOMBRA_OK ||
        sombra_connect(p.db, &p.conn, &p.error) != SOMBRA_OK) {
        chain_fail(&p, "making the graph", p.error.message);
        return;
    }
    for (size_t i = 0; i < 2; i++)
        (void)chain_ask(&p, texts[i], 0, 0, NULL, 0);
    sombra_disconnect(p.conn);
    if (sombra_close(p.db, &p.error) != SOMBRA_OK)
        chain_fail(&p, "making the graph", p.error.message);
}

static inline uint64_t chain_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline void chain_reap(chain_board *board, pid_t pid)
{
    chain_process parent = {.board = board};
    char copy[64];
    int status = 0;

    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        chain_fail(&parent, "a process", "ended by itself");
    (void)snprintf(copy, sizeof copy, "copy-%d.sombra", (int)pid);
    chain_remove(copy);
    atomic_fetch_add(&board->kills, 1);
}

/* Until the time is over; on a machine that has little of it for us, until something was done, ten times as long at most. */
static inline bool chain_goes_on(chain_board *board, uint64_t passed)
{
    const bool little = atomic_load(&board->commits) < 20 || atomic_load(&board->snapshots) < 20 ||
                        atomic_load(&board->kills) < 20;
    return atomic_load(&board->failures) == 0 &&
           atomic_load(&board->acknowledged) < CHAIN_MOST - 100 &&
           passed < (little ? 10 : 1) * board->settings.milliseconds;
}

/* The file as the last kill left it; and no commit was passed over. */
static inline void chain_last_look(chain_board *board)
{
    chain_process last = {
        .board = board, .random = {.state = board->settings.seed}, .role = CHAIN_BACKUP};

    if (sombra_open(CHAIN_PATH, NULL, &last.db, &last.error) != SOMBRA_OK ||
        sombra_connect(last.db, &last.conn, &last.error) != SOMBRA_OK) {
        chain_fail(&last, "the last opening", last.error.message);
        return;
    }
    chain_backup(&last);
    sombra_disconnect(last.conn);
    if (sombra_close(last.db, &last.error) != SOMBRA_OK)
        chain_fail(&last, "the last closing", last.error.message);
    if (chain_audited(board) < atomic_load(&board->acknowledged))
        chain_fail(&last, "the audit", "a commit was not looked at");
}

/* Keep processes of all roles alive, killing one every few milliseconds, until the time is over or something fails. */
static inline void chain_campaign(chain_board *board, const chain_settings *settings)
{
    static const chain_role roles[] = {CHAIN_WRITER,    CHAIN_WRITER, CHAIN_READER,
                                       CHAIN_READ_ONLY, CHAIN_BACKUP, CHAIN_CHECKPOINT};
    enum { PROCESSES = sizeof roles / sizeof roles[0] };
    pid_t pids[PROCESSES] = {0};
    sb_random random = {.state = settings->seed};
    const uint64_t started = chain_now_ms();

    board->settings = *settings;
    chain_make(board);
    (void)fflush(NULL); /* a child shall not write it again */
    while (chain_goes_on(board, chain_now_ms() - started)) {
        const size_t i = (size_t)sb_random_below(&random, PROCESSES);
        if (pids[i] != 0) chain_reap(board, pids[i]);
        const uint64_t child_seed = sb_random_next(&random);
        pids[i] = fork();
        if (pids[i] == 0) chain_child(board, child_seed, roles[i]);
        (void)usleep((useconds_t)(1000 + sb_random_below(&random, settings->gap_ms * 1000ull)));
    }
    for (size_t i = 0; i < PROCESSES; i++)
        if (pids[i] != 0) chain_reap(board, pids[i]);
    if (atomic_load(&board->failures) == 0) chain_last_look(board);
}

static inline chain_board *chain_board_create(void)
{
    void *board =
        mmap(NULL, sizeof(chain_board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED) abort();
    return board;
}

static inline void chain_print(chain_board *board)
{
    printf("%llu commits audited, %llu rolled back, %llu snapshots, %llu of a read-only mount, "
           "%llu backups, %llu verified, %llu checkpoints, "
           "%llu vacuums, %llu opens, %llu kills, %llu failures\n",
           (unsigned long long)chain_audited(board), (unsigned long long)board->rollbacks,
           (unsigned long long)board->snapshots, (unsigned long long)board->mounted_snapshots,
           (unsigned long long)board->backups, (unsigned long long)board->verified,
           (unsigned long long)board->checkpoints, (unsigned long long)board->vacuums,
           (unsigned long long)board->opens, (unsigned long long)board->kills,
           (unsigned long long)board->failures);
    if (board->failures != 0) printf("%s\n", board->first_failure);
}

#endif
